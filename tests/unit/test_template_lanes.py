"""The template's release lanes: what each lane's stack has, takes and hands on, and what no lane may do in another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey, audit_key, lane_key, ledger_key, pull_request_key
from dagbranch.domain.requests import EventKind
from dagbranch.settings import PromoteReleaseSettings, load
from tests.fakes.event_patterns import matches, rules
from tests.fakes.settings import COMPLETE
from tests.fakes.template import ACCOUNT, RESOURCES, TEMPLATE, deployed

KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + "a" * 86 + "=="
PEM = f"-----BEGIN PUBLIC KEY-----\n{KEY[:64]}\n{KEY[64:]}\n-----END PUBLIC KEY-----\n"
OTHER_ACCOUNT = "444455556666"
STAGE_BUS, PROD_BUS = (
    f"arn:aws:events:eu-central-1:{OTHER_ACCOUNT}:event-bus/{lane}-bus" for lane in ("stage", "prod")
)

NEEDED = {name: f"the {name}" for name, one in TEMPLATE["Parameters"].items() if "Default" not in one}
PREVIEW = {**NEEDED, "Lane": "preview", "SourceBucket": "preview-sources"}
STAGE = {
    **NEEDED,
    "Lane": "stage",
    "Ingress": "none",
    "SourceBucket": "stage-sources",
    "NextLane": "prod",
    "NextLaneSourceBucketName": "prod-sources",
}
PROD = {
    **NEEDED,
    "Lane": "prod",
    "Ingress": "none",
    "SourceBucket": "prod-sources",
    "PromotionPublicKey": KEY,
    "PromotingRoleArn": "arn:aws:iam::444455556666:role/stage-PromoteReleaseRole-1",
}
LANES = {"preview": PREVIEW, "stage": STAGE, "prod": PROD}
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"]


def takers(
    parameters: dict[str, str], source: str, kind: str, detail: dict[str, Any], account: str = ACCOUNT
) -> set[str]:
    """The queues and the other lanes' buses that get such an event in a stack with these parameters."""
    event = {"source": source, "detail-type": kind, "detail": detail, "account": account}
    on_default = source == "aws.s3"
    return {
        target
        for rule in rules(parameters)
        if rule.is_default == on_default and matches(rule.pattern, event)
        for target in (*rule.queues, *rule.buses)
    }


def statements(parameters: dict[str, str], function: str) -> Iterator[dict[str, Any]]:
    for policy in deployed(parameters)[function]["Properties"]["Policies"]:
        yield from policy["Statement"]


def push(ref: str = "refs/heads/main", repository: str = "acme/pipelines") -> dict[str, Any]:
    return {"ref": ref, "repository": {"full_name": repository}}


def deployment(lane: str, state: str | None = None, repository: str = "acme/pipelines") -> dict[str, Any]:
    status = {"deployment_status": {"state": state}} if state else {}
    return {"deployment": {"environment": lane}, "repository": {"full_name": repository}, **status}


def test_promotions_are_made_and_taken_in_release_lanes_alone() -> None:
    of_promotions = {name for name in RESOURCES if name.startswith(("PromoteRelease", "PromotionKey", "Release"))}

    alarmed = {"AlarmTopicArn": "arn:aws:sns:eu-central-1:1:alarms"}
    assert not of_promotions & set(deployed({**PREVIEW, **alarmed}))
    assert of_promotions <= set(deployed({**STAGE, **alarmed}))
    assert of_promotions - set(deployed({**PROD, **alarmed})) == {"PromotionKey", "PromotionKeyAlias"}


def test_pull_requests_comments_and_merge_queues_are_of_previews_alone() -> None:
    events: list[tuple[str, dict[str, Any]]] = [
        ("pull_request", {"action": "opened"}),
        ("pull_request", {"action": "closed"}),
        ("issue_comment", {"action": "created", "issue": {"pull_request": {"url": "https://api.github.com/"}}}),
        ("merge_group", {"action": "checks_requested"}),
    ]

    for kind, detail in events:
        assert len(takers(PREVIEW, "github.com", kind, detail)) == 1
        assert not takers(STAGE, "github.com", kind, detail) | takers(PROD, "github.com", kind, detail)


def test_a_push_is_for_the_first_release_lane() -> None:
    assert takers(STAGE, "github.com", "push", push()) == {"FetchSourceQueue"}
    assert takers(STAGE, "github.com", "push", push("refs/tags/v1")) == set()
    assert not takers(PROD, "github.com", "push", push()) | takers(PREVIEW, "github.com", "push", push())


def test_a_push_that_never_came_is_fetched_in_the_first_release_lane() -> None:
    kind = EventKind.RELEASE_REQUESTED

    assert takers(STAGE, "dagbranch", kind, {"lane": "stage", "pull_number": RELEASE}) == {"FetchSourceQueue"}
    assert takers(PROD, "dagbranch", kind, {"lane": "prod", "pull_number": RELEASE}) == set()


def test_a_single_release_lane_takes_what_is_pushed() -> None:
    alone = {**PROD, "PromotionPublicKey": "", "PromotingRoleArn": ""}

    assert takers(alone, "github.com", "push", push()) == {"FetchSourceQueue"}


@pytest.mark.parametrize(
    ("lane", "taken"), [("stage", {"stage"}), ("prod", {"stage", "prod"}), ("dagbranch/preview", set()), ("qa", set())]
)
def test_a_deployment_is_for_its_lane_and_for_the_one_before_it(lane: str, taken: set[str]) -> None:
    found = {name for name, one in LANES.items() if takers(one, "github.com", "deployment", deployment(lane))}

    assert found == taken
    assert takers(STAGE, "github.com", "deployment", deployment("prod")) == {"PromoteReleaseQueue"}


@pytest.mark.parametrize("state", ["in_progress", "queued", "success", "failure"])
def test_of_a_deployments_statuses_the_one_that_lets_a_workflows_count_is_looked_at(state: str) -> None:
    found = takers(STAGE, "github.com", "deployment_status", deployment("prod", state))

    assert found == ({"PromoteReleaseQueue"} if state == "in_progress" else set())


@pytest.mark.parametrize("number", [RELEASE, CANARY])
@pytest.mark.parametrize("lane", ["stage", "prod"])
def test_an_archive_of_a_release_lane_is_deployed_and_looked_at_by_who_accepts_it(lane: str, number: int) -> None:
    key = str(SourceArchiveKey("acme/pipelines", number, "0" * 40, "f" * 64))
    detail = {"bucket": {"name": f"{lane}-sources"}, "object": {"key": key}}

    deploying = {"PackageDagsQueue", "ProvisionDataQueue"}
    assert takers(LANES[lane], "aws.s3", "Object Created", detail) == {*deploying, "PromoteReleaseQueue"}


def test_an_archive_of_a_pull_request_is_deployed_alone() -> None:
    key = str(SourceArchiveKey("acme/release", 7, "0" * 40, "f" * 64))
    detail = {"bucket": {"name": "preview-sources"}, "object": {"key": key}}

    assert takers(PREVIEW, "aws.s3", "Object Created", detail) == {"PackageDagsQueue", "ProvisionDataQueue"}


def test_what_the_sweep_wants_repaired_goes_to_who_can() -> None:
    def asked(lane: str, number: int) -> set[str]:
        detail = {"lane": lane, "pull_number": number}
        return takers(LANES[lane], "dagbranch", EventKind.ENVIRONMENT_REQUESTED, detail)

    assert asked("preview", 7) == {"FetchSourceQueue"}
    for lane in ("stage", "prod"):
        assert asked(lane, RELEASE) == asked(lane, CANARY) == {"PromoteReleaseQueue"}


@pytest.mark.parametrize("kind", [EventKind.READY, EventKind.FAILED])
def test_what_became_of_a_release_is_told_and_noted_in_its_own_lane(kind: EventKind) -> None:
    detail = {"lane": "stage", "pull_number": RELEASE}

    assert takers(STAGE, "dagbranch", kind, detail) == {"ReportStatusQueue", "PromoteReleaseQueue"}
    assert takers(PROD, "dagbranch", kind, detail) == set()


HANDING_ON = {**PREVIEW, "StageBusArn": STAGE_BUS, "ProdBusArn": PROD_BUS}


def test_the_stack_with_the_webhook_hands_on_what_another_lane_needs() -> None:
    assert takers(HANDING_ON, "github.com", "push", push()) == {STAGE_BUS}
    for kind in ("deployment", "deployment_status"):
        assert takers(HANDING_ON, "github.com", kind, deployment("stage", "in_progress")) == {STAGE_BUS}
        assert takers(HANDING_ON, "github.com", kind, deployment("prod", "in_progress")) == {STAGE_BUS, PROD_BUS}
        assert takers(HANDING_ON, "github.com", kind, deployment("dagbranch/preview", "in_progress")) == set()


def test_nothing_of_a_pull_request_or_of_dagbranchs_own_is_handed_on() -> None:
    own = takers(HANDING_ON, "dagbranch", EventKind.READY, {"lane": "preview", "pull_number": 7})
    opened = takers(HANDING_ON, "github.com", "pull_request", {"action": "opened"})

    assert not (own | opened) & {STAGE_BUS, PROD_BUS}


def test_repositories_can_belong_to_different_servers() -> None:
    some = {**HANDING_ON, "StageRepositories": "acme/pipelines, acme/models", "ProdRepositories": "acme/models"}

    def buses(repository: str) -> set[str]:
        pushed = takers(some, "github.com", "push", push(repository=repository))
        return pushed | takers(some, "github.com", "deployment", deployment("prod", repository=repository))

    assert buses("acme/models") == {STAGE_BUS, PROD_BUS}
    assert buses("acme/pipelines") == {STAGE_BUS}
    assert buses("acme/other") == set()


def test_a_rule_hands_on_by_a_role_that_can_do_nothing_else() -> None:
    resources = deployed({**PREVIEW, "ProdBusArn": PROD_BUS})
    (policy,) = resources["HandingOnRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", [PROD_BUS])
    assert "DeploymentsToStageRule" not in resources
    (target,) = resources["DeploymentsToProdRule"]["Properties"]["Targets"]
    assert target["RoleArn"] == {"Fn::GetAtt": "HandingOnRole.Arn"}


@pytest.mark.parametrize("lane", ["stage", "prod"])
def test_a_lane_takes_githubs_events_from_the_account_that_it_names_and_from_no_other(lane: str) -> None:
    foreign = {**LANES[lane], "WebhookAccountId": OTHER_ACCOUNT}
    asked = deployment(lane, "in_progress")

    for kind in ("deployment", "deployment_status"):
        assert takers(foreign, "github.com", kind, asked, account=OTHER_ACCOUNT) == {"PromoteReleaseQueue"}
        assert takers(foreign, "github.com", kind, asked, account=ACCOUNT) == set()
        assert takers(LANES[lane], "github.com", kind, asked, account=OTHER_ACCOUNT) == set()
    assert takers({**STAGE, "WebhookAccountId": OTHER_ACCOUNT}, "github.com", "push", push(), ACCOUNT) == set()


def test_another_account_may_put_what_github_said_and_no_event_of_dagbranchs_own() -> None:
    assert "EventBusPolicy" not in deployed(STAGE)

    statement = deployed({**STAGE, "WebhookAccountId": OTHER_ACCOUNT})["EventBusPolicy"]["Properties"]["Statement"]

    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"] == {"StringEquals": {"events:source": "github.com"}}


def test_of_the_next_lane_a_lane_knows_its_bucket_and_may_put() -> None:
    named = [one for function in FUNCTIONS for one in of(STAGE, function) if "NextLaneSourceBucketName" in str(one)]

    (statement,) = named
    assert statement["Action"] == "s3:PutObject"
    assert [one["Fn::Sub"].partition(":s3:::")[2] for one in statement["Resource"]] == [
        "${NextLaneSourceBucketName}/sources/*/release/*",
        "${NextLaneSourceBucketName}/sources/*/canary/*",
    ]
    assert not any("NextLaneSourceBucketName" in str(one) for one in of({**STAGE, "NextLaneSourceBucketName": ""}))


def of(parameters: dict[str, str], function: str = "PromoteRelease") -> list[dict[str, Any]]:
    return list(statements(parameters, function)) if function in deployed(parameters) else []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_secret_that_a_function_reads_is_one_that_its_own_stack_names(function: str) -> None:
    lanes = {lane: {**parameters, **own_secrets(lane)} for lane, parameters in LANES.items()}

    for lane, parameters in lanes.items():
        read = [one["Resource"] for one in of(parameters, function) if "secretsmanager:GetSecretValue" in one["Action"]]
        assert {secret for resources in read for secret in resources} <= set(own_secrets(lane).values())


def own_secrets(lane: str) -> dict[str, str]:
    return {name: f"{lane} {name}" for name in ("GitHubTokenSecretArn", "WebhookSecretArn", "DatabricksTokenSecretArn")}


def test_a_lane_without_a_door_has_no_function_and_no_secret_of_the_webhook() -> None:
    for lane in (STAGE, PROD):
        assert not {"ReceiveWebhook", "ReceiveWebhookLogs", "WebhookUrl", "WebhookApi"} & set(deployed(lane))
        assert not [one for name in FUNCTIONS for one in of(lane, name) if "WebhookSecretArn" in str(one)]
    assert "ReceiveWebhook" in deployed(PREVIEW)


def test_the_lane_before_may_put_promotions_and_nobody_else_anything() -> None:
    policy = deployed(PROD)["SourceBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [one for one in policy if one["Effect"] == "Allow"]
    (denied,) = [one for one in policy if one["Effect"] == "Deny" and "ArnNotEquals" in one["Condition"]]

    (statement,) = allowed
    assert statement["Principal"] == {"AWS": PROD["PromotingRoleArn"]}
    assert statement["Action"] == denied["Action"] == "s3:PutObject"
    assert {one["Fn::Sub"].partition("/")[2] for one in statement["Resource"]} == {
        "sources/*/release/*",
        "sources/*/canary/*",
    }
    assert denied["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        PROD["PromotingRoleArn"],
        {"Fn::GetAtt": "PromoteReleaseRole.Arn"},
    ]
    assert len(deployed(STAGE)["SourceBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]) == 1


def test_only_promote_release_signs_and_the_key_outlives_the_stack() -> None:
    key = RESOURCES["PromotionKey"]
    statements = key["Properties"]["KeyPolicy"]["Statement"]
    signing = [one for one in statements if any("Sign" in action for action in listed(one["Action"]))]

    (statement,) = signing
    assert statement["Principal"] == {"AWS": {"Fn::GetAtt": "PromoteReleaseRole.Arn"}}
    assert not [one for one in statements for action in listed(one["Action"]) if action in {"kms:*", "kms:CreateGrant"}]
    assert (key["Properties"]["KeySpec"], key["Properties"]["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def may(function: str, action: str, key: str) -> bool:
    """Whether the function may do this to an item of the registry with this partition key."""
    effects = {
        statement["Effect"]
        for statement in of(STAGE, function)
        if f"dynamodb:{action}" in listed(statement["Action"]) and is_about(statement, key)
    }
    return effects == {"Allow"}


def is_about(statement: dict[str, Any], key: str) -> bool:
    conditions = statement.get("Condition")
    if conditions is None:
        return True
    ((_, keys),) = conditions.items()
    shapes = [
        shape["Fn::Sub"].replace("${Lane}", "stage") if isinstance(shape, dict) else shape
        for (shape) in shapes_in(keys)
    ]
    return any(re.fullmatch(re.escape(shape).replace(r"\*", ".*"), key) for shape in shapes)


def shapes_in(keys: dict[str, list[Any]]) -> list[Any]:
    (shapes,) = keys.values()
    return shapes


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("key", [audit_key("stage"), ledger_key(4711)])
def test_what_was_done_to_releases_is_written_by_promote_release_and_taken_away_by_nobody(
    function: str, key: str
) -> None:
    assert may(function, "PutItem", key) == (function == "PromoteRelease")
    assert not may(function, "UpdateItem", key)
    assert not may(function, "DeleteItem", key)


def test_records_notes_and_histories_are_written_by_those_who_keep_them() -> None:
    assert may("SweepEnvironments", "PutItem", lane_key("stage"))
    assert not may("SweepEnvironments", "PutItem", lane_key("prod"))
    for number in (RELEASE, CANARY):
        assert may("PromoteRelease", "UpdateItem", pull_request_key(4711, number))
        assert may("RemoveEnvironment", "DeleteItem", pull_request_key(4711, number))
    assert not may("PromoteRelease", "DeleteItem", pull_request_key(4711, RELEASE))


def test_every_condition_is_used() -> None:
    text = str([RESOURCES, TEMPLATE["Outputs"], TEMPLATE["Conditions"]])

    for condition in TEMPLATE["Conditions"]:
        assert f"'Condition': '{condition}'" in text or f"'Fn::If': ['{condition}'" in text, condition


def test_what_is_there_under_a_condition_is_named_only_where_it_is_there() -> None:
    for parameters in (PREVIEW, HANDING_ON, STAGE, {**STAGE, "NextLane": "", "NextLaneSourceBucketName": ""}, PROD):
        resources = deployed({**parameters, "AlarmTopicArn": "arn:aws:sns:eu-central-1:1:alarms"})
        assert {name for name in references(resources) if name in RESOURCES} <= set(resources) | {"SourceBucket"}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"Ref", "Fn::GetAtt"} and isinstance(inner, str):
                yield inner.split(".")[0].removesuffix("Role")
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("", True),
        (KEY, True),
        (PEM, True),
        (PEM + PEM, True),
        (f"{KEY},{KEY}", True),
        (PEM.replace("\n", " "), True),
        (PEM.replace("PUBLIC", "PRIVATE"), False),
        (KEY[:-2], False),
        ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A==", False),
        ("ssh-ed25519 AAAA", False),
    ],
)
def test_a_public_key_is_given_as_kms_prints_it_or_in_pem(value: str, *, fits: bool) -> None:
    pattern = TEMPLATE["Parameters"]["PromotionPublicKey"]["AllowedPattern"]

    assert (re.fullmatch(pattern, value) is not None) == fits
    if fits and value:
        assert load(
            PromoteReleaseSettings, {**COMPLETE, "PROMOTION_PUBLIC_KEY": value}
        ).promotion_public_key.strip() == (PEM.strip())


@pytest.mark.parametrize(
    ("value", "fits"), [("", True), ("dana, release-train[bot]", True), ("a_acme", True), ("a b", False), ("a,", False)]
)
def test_releasers_are_logins_at_github(value: str, *, fits: bool) -> None:
    pattern = TEMPLATE["Parameters"]["Releasers"]["AllowedPattern"]

    assert (re.fullmatch(pattern, value) is not None) == fits
