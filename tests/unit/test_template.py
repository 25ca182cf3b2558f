"""The template held against the functions' folders and settings, and against what an account may be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dagbranch import settings
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import EventKind
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.settings import Settings
from tests.fakes.event_patterns import matches, rules
from tests.fakes.settings import COMPLETE
from tests.fakes.template import RESOURCES, ROOT, TEMPLATE

POLICY = ("EXPIRE_AFTER_DAYS", "INTAKE", "KEEP_LABEL", "MOST_DAGS", "MOST_ENVIRONMENTS")
GLOBAL_VARIABLES: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping")


def settings_of(function: str) -> type[Settings]:
    found: type[Settings] = getattr(settings, f"{function}Settings")
    return found


def fields_of(function: str) -> set[str]:
    return {name.upper() for name in settings_of(function).model_fields}


def statements_of(function: str) -> Iterator[dict[str, Any]]:
    """Every statement of the function's inline policies, conditional ones too."""
    for policy in FUNCTIONS[function]["Policies"]:
        document = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from document["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed_to(function: str) -> Iterator[dict[str, Any]]:
    return (one for one in statements_of(function) if one["Effect"] == "Allow")


def test_there_is_a_function_for_every_folder_and_a_folder_for_every_function() -> None:
    folders = {f"functions/{one.name}" for one in (ROOT / "functions").iterdir() if one.is_dir()}

    assert {one["CodeUri"] for one in FUNCTIONS.values()} == folders
    for name, one in FUNCTIONS.items():
        assert one["CodeUri"] == "functions/" + "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]


def test_every_functions_settings_class_has_a_function() -> None:
    classes = {name.removesuffix("Settings") for name in vars(settings) if name.endswith("Settings") and name[0] != "_"}

    assert classes - {""} == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_variables_are_its_settings(function: str) -> None:
    own = set(FUNCTIONS[function]["Environment"]["Variables"])

    assert own <= fields_of(function)
    assert fields_of(function) <= own | set(GLOBAL_VARIABLES)
    assert not own & set(GLOBAL_VARIABLES)


def test_every_global_variable_is_a_setting_of_most_functions() -> None:
    for name in (one for one in GLOBAL_VARIABLES if not one.startswith("POWERTOOLS_")):
        users = [function for function in FUNCTIONS if name in fields_of(function)]
        assert len(users) > len(FUNCTIONS) / 2, name


def test_every_log_line_and_metric_names_the_stack() -> None:
    assert GLOBAL_VARIABLES["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_a_log_group_of_its_own_with_a_retention(function: str) -> None:
    configured = FUNCTIONS[function]["LoggingConfig"]
    group = of_type("AWS::Logs::LogGroup")[configured["LogGroup"]["Ref"]]

    assert configured["LogFormat"] == "JSON"
    assert group["LogGroupName"]["Fn::Sub"].endswith(FUNCTIONS[function]["CodeUri"].removeprefix("functions"))
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_queue_gives_its_function_time_and_the_function_answers_in_parts(mapping: str) -> None:
    properties = MAPPINGS[mapping]
    function = FUNCTIONS[properties["FunctionName"]["Ref"]]
    queue_name, attribute = properties["EventSourceArn"]["Fn::GetAtt"].split(".")
    queue = QUEUES[queue_name]

    assert attribute == "Arn"
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert function["Environment"]["Variables"]["QUEUE_URL"] == {"Ref": queue_name}
    letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].split(".")[0]
    assert QUEUES[letters]["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_every_function_but_the_webhooks_has_one_queue() -> None:
    served = [one["FunctionName"]["Ref"] for one in MAPPINGS.values()]

    assert sorted(served) == sorted(set(FUNCTIONS) - {"ReceiveWebhook"})
    for one in FUNCTIONS.values():
        assert "Events" not in one


def conditional(value: dict[str, Any]) -> tuple[str, str]:
    """The condition under which a list has this, and the resource that it names."""
    condition, there, _ = value.get("Fn::If", ("", value, None))
    return condition, there.get("Fn::GetAtt") or there["Ref"]


def test_every_rule_puts_into_queues_that_let_it_and_keeps_what_it_cannot_deliver() -> None:
    (policy,) = of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    allowed_rules = [conditional(one) for one in statement["Condition"]["ArnEquals"]["aws:SourceArn"]]
    allowed_queues = [conditional(one) for one in statement["Resource"]]
    rules = of_type("AWS::Events::Rule")

    assert sorted(allowed_rules) == sorted((RESOURCES[name].get("Condition", ""), f"{name}.Arn") for name in rules)
    assert all(
        condition == RESOURCES[queue.removesuffix(".Arn")].get("Condition", "") for condition, queue in allowed_queues
    )
    for rule in rules.values():
        for target in rule["Targets"]:
            assert "Ref" in target["Arn"] or target["Arn"]["Fn::GetAtt"] in {queue for _, queue in allowed_queues}
            assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"] == "UndeliveredEvents.Arn"
    assert [(condition, f"{queue}.Arn") for condition, queue in map(conditional, policy["Queues"])] == allowed_queues


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_policy_names_its_actions_and_its_resources(function: str) -> None:
    for statement in statements_of(function):
        assert statement["Effect"] == "Allow" or "LeadingKeys" in str(statement["Condition"])
        for action in listed(statement["Action"]):
            assert "*" not in action, statement
        for resource in listed(statement["Resource"]):
            assert resource != "*", statement


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_reach_what_its_settings_name_and_no_more(function: str) -> None:
    actions = {action for statement in statements_of(function) for action in listed(statement["Action"])}
    services = {action.split(":")[0] for action in actions} - {"kms"}
    fields = fields_of(function)

    assert ("secretsmanager" in services) == any(name.endswith("_SECRET") for name in fields)
    assert ("airflow" in services) == ("MWAA_ENVIRONMENT" in fields)
    assert ("s3" in services) == bool(fields & {"ARTIFACTS_BUCKET", "DAGS_BUCKET", "SOURCE_BUCKET"})
    assert ("sqs" in services) == ("QUEUE_URL" in fields)
    assert ("events" in services) == ("EVENT_BUS" in fields)
    assert "dynamodb" in services
    assert services <= {"secretsmanager", "airflow", "s3", "sqs", "dynamodb", "events"}


def test_only_packaging_puts_for_airflow_and_only_the_removal_deletes_versions_of_dags() -> None:
    def may(action: str, path: str) -> set[str]:
        return {
            function
            for function in FUNCTIONS
            for statement in statements_of(function)
            if action in listed(statement["Action"]) and f"/${{{path}}}/*" in str(statement["Resource"])
        }

    assert may("s3:PutObject", "DagsPath") == may("s3:PutObject", "ArtifactsPath") == {"PackageDags"}
    assert may("s3:DeleteObjectVersion", "DagsPath") == {"RemoveEnvironment"}
    assert may("s3:DeleteObjectVersion", "ArtifactsPath") == {"PackageDags", "RemoveEnvironment"}


@pytest.mark.parametrize("function", ["FetchSource", "PackageDags", "PromoteRelease", "RemoveEnvironment"])
def test_of_the_artifacts_bucket_a_function_reaches_the_artifacts_path_alone(function: str) -> None:
    reaching = [one for one in statements_of(function) if "ArtifactsBucketName" in str(one["Resource"])]

    assert reaching
    for statement in reaching:
        below = "${Bucket}/${ArtifactsPath}/*" in str(statement["Resource"])
        assert below or statement["Condition"] == {"StringLike": {"s3:prefix": {"Fn::Sub": "${ArtifactsPath}/*"}}}


def test_the_untrusted_content_meets_no_secret_and_no_network_of_the_companys() -> None:
    package_dags = FUNCTIONS["PackageDags"]

    assert "VpcConfig" not in package_dags
    assert "Layers" not in package_dags


def test_functions_that_call_out_can_be_put_into_a_vpc() -> None:
    callers = {
        name for name in FUNCTIONS if fields_of(name) & {"MWAA_ENVIRONMENT", "GITHUB_API_URL", "DATABRICKS_HOST"}
    }

    assert {name for name, one in FUNCTIONS.items() if "VpcConfig" in one} == callers


def test_only_the_functions_that_reach_the_warehouse_carry_its_connector() -> None:
    carriers = {name for name, one in FUNCTIONS.items() if {"Ref": "DatabricksLayer"} in one.get("Layers", [])}

    assert carriers == {name for name in FUNCTIONS if "DATABRICKS_HOST" in fields_of(name)}


def test_only_the_function_that_fetches_requirements_carries_the_resolver() -> None:
    carriers = {name for name, one in FUNCTIONS.items() if {"Ref": "ResolverLayer"} in one.get("Layers", [])}

    assert carriers == {name for name in FUNCTIONS if "PACKAGE_INDEX_URL" in fields_of(name)} == {"FetchSource"}


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("", True),
        ("default", True),
        ("https://index.example/simple/", True),
        ("http://index.example/simple/", False),
        ("https://token@index.example/simple/", False),
    ],
)
def test_the_package_index_is_asked_over_https_and_without_a_credential(url: str, *, fits: bool) -> None:
    parameter = TEMPLATE["Parameters"]["PackageIndexUrl"]

    assert (re.fullmatch(parameter["AllowedPattern"], url) is not None) == fits


@pytest.mark.parametrize("parameter", ["ReadableCatalogs", "ReadableSourceSuffixes"])
@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("", True),
        ("_test", True),
        ("marketing, sales", True),
        ("*", True),
        ("_test, acme/finance=_sandbox,acme/finance = _play", True),
        ("acme/finance=*", True),
        ("_test,", False),
        ("a b", False),
        ("acme=_test", False),
        ("acme/finance=", False),
        ("_te`st", False),
    ],
)
def test_what_may_be_read_is_a_list_for_all_repositories_and_for_some(
    parameter: str, value: str, *, fits: bool
) -> None:
    declared = TEMPLATE["Parameters"][parameter]

    assert (re.fullmatch(declared["AllowedPattern"], value) is not None) == fits
    assert "owner/name=" in declared["ConstraintDescription"]
    if fits:
        assert "" not in RepositoryLists.parse(value).general


@pytest.mark.parametrize("parameter", ["ReaderPrincipals", "WriterPrincipals"])
@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("", True),
        ("analysts, dana@acme.example,3f1c0a2b-77aa", True),
        ("data people", True),
        ("a`b", False),
        ("a,", False),
    ],
)
def test_principals_are_names_that_can_be_quoted(parameter: str, value: str, *, fits: bool) -> None:
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]

    assert (re.fullmatch(pattern, value) is not None) == fits


@pytest.mark.parametrize("hour", range(-1, 25))
def test_the_hour_of_the_daily_comparison_is_one_that_the_sweep_takes(hour: int) -> None:
    pattern = TEMPLATE["Parameters"]["FollowBaseHour"]["AllowedPattern"]

    assert (re.fullmatch(pattern, str(hour)) is not None) == (0 <= hour <= 23)


def test_a_reset_and_a_check_of_this_lanes_data_reach_the_function_that_provisions_it() -> None:
    rule = of_type("AWS::Events::Rule")["DataRequestedRule"]

    assert rule["EventPattern"] == {
        "source": ["dagbranch"],
        "detail-type": [EventKind.DATA_RESET_REQUESTED, EventKind.DATA_CHECK_REQUESTED],
        "detail": {"lane": [{"Ref": "Lane"}]},
    }
    assert [target["Arn"]["Fn::GetAtt"] for target in rule["Targets"]] == ["ProvisionDataQueue.Arn"]


def test_what_the_sweep_asks_for_reaches_the_function_that_does_it() -> None:
    asked = {
        EventKind.ENVIRONMENT_REQUESTED: "FetchSourceQueue",
        EventKind.REMOVAL_REQUESTED: "RemoveEnvironmentQueue",
        EventKind.VERIFICATION_REQUESTED: "VerifyEnvironmentQueue",
        EventKind.DATA_CHECK_REQUESTED: "ProvisionDataQueue",
    }

    for kind, queue in asked.items():
        assert queues_that_take("dagbranch", kind, {"lane": "preview", "pull_number": 1}) == {queue}
        assert queues_that_take("dagbranch", kind, {"lane": "stage", "pull_number": 1}) == set()


BUSES = {"KeepLabel": "keep-environment", "Lane": "preview", "SourceBucket": "acme-sources"}


def queues_that_take(source: str, kind: str, detail: dict[str, Any]) -> set[str]:
    event = {"source": source, "detail-type": kind, "detail": detail}
    return {queue for rule in rules(BUSES) if matches(rule.pattern, event) for queue in rule.queues}


@pytest.mark.parametrize(
    "action",
    ["opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "labeled", "unlabeled"],
)
def test_what_decides_who_gets_an_environment_is_looked_at_when_it_changes(action: str) -> None:
    assert queues_that_take("github.com", "pull_request", {"action": action}) == {"FetchSourceQueue"}


def test_of_what_is_edited_the_base_branch_alone_is_looked_at() -> None:
    base = {"action": "edited", "changes": {"base": {"ref": {"from": "main"}, "sha": {"from": "0" * 40}}}}
    title = {"action": "edited", "changes": {"title": {"from": "Typo"}}}

    assert queues_that_take("github.com", "pull_request", base) == {"FetchSourceQueue"}
    assert queues_that_take("github.com", "pull_request", title) == set()


@pytest.mark.parametrize("action", ["assigned", "locked", "review_requested", "auto_merge_enabled", "milestoned"])
def test_what_decides_nothing_wakes_nobody(action: str) -> None:
    assert queues_that_take("github.com", "pull_request", {"action": action}) == set()


def test_only_a_new_comment_on_a_pull_request_is_looked_at() -> None:
    pull, issue = {"pull_request": {"url": "https://api.github.com/repos/a/b/pulls/1"}}, {"number": 1}

    assert queues_that_take("github.com", "issue_comment", {"action": "created", "issue": pull}) == {
        "AnswerCommandQueue"
    }
    assert queues_that_take("github.com", "issue_comment", {"action": "created", "issue": issue}) == set()
    assert queues_that_take("github.com", "issue_comment", {"action": "edited", "issue": pull}) == set()


def test_a_merge_group_asks_what_is_told_of_its_members() -> None:
    asked, gone = {"action": "checks_requested"}, {"action": "destroyed"}

    assert queues_that_take("github.com", "merge_group", asked) == {"ReportStatusQueue"}
    assert queues_that_take("github.com", "merge_group", gone) == set()


TOLD = {
    EventKind.REPORT_REQUESTED,
    EventKind.PACKAGED,
    EventKind.PROVISIONED,
    EventKind.UPDATED,
    EventKind.READY,
    EventKind.FAILED,
    EventKind.WAITING,
    EventKind.REMOVED,
    EventKind.RELEASE_JUDGED,
}


@pytest.mark.parametrize("kind", EventKind)
def test_what_happened_to_an_environment_of_this_lane_is_told_and_what_is_only_asked_for_is_not(
    kind: EventKind,
) -> None:
    assert ("ReportStatusQueue" in queues_that_take("dagbranch", kind, {"lane": "preview"})) == (kind in TOLD)
    assert queues_that_take("dagbranch", kind, {"lane": "stage"}) == set()


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"ReceiveWebhook"}))
def test_a_function_gives_up_a_message_into_its_own_queues_dead_letters_and_no_other(function: str) -> None:
    letters = FUNCTIONS[function]["Environment"]["Variables"]["DEAD_LETTERS_URL"]["Ref"]
    own = FUNCTIONS[function]["Environment"]["Variables"]["QUEUE_URL"]["Ref"]
    sends = {
        statement["Resource"]["Fn::GetAtt"]
        for statement in statements_of(function)
        if "sqs:SendMessage" in listed(statement["Action"])
    }

    assert QUEUES[own]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"] == f"{letters}.Arn"
    assert sends == {f"{own}.Arn", f"{letters}.Arn"}


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if "MWAA_ENVIRONMENT" in fields_of(name)])
def test_a_door_to_airflow_is_open_to_a_role_only_where_the_stack_uses_it(function: str) -> None:
    doors = {
        policy["Fn::If"][0]: [one["Action"] for one in policy["Fn::If"][1]["Statement"]]
        for policy in FUNCTIONS[function]["Policies"]
        if "Fn::If" in policy and "Door" in policy["Fn::If"][0]
    }
    elsewhere = {
        action
        for policy in FUNCTIONS[function]["Policies"]
        if "Fn::If" not in policy
        for statement in policy["Statement"]
        for action in listed(statement["Action"])
        if action.startswith("airflow:")
    }

    assert doors == {"HasRestDoor": ["airflow:InvokeRestApi"], "HasCliDoor": ["airflow:CreateCliToken"]}
    assert elsewhere == ({"airflow:GetEnvironment"} if function == "VerifyEnvironment" else set())  # only its address
    assert TEMPLATE["Conditions"]["HasCliDoor"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AirflowDoor"}, "rest"]}]}
    assert TEMPLATE["Conditions"]["HasRestDoor"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AirflowDoor"}, "cli"]}]}


def test_the_stacks_defaults_are_a_policy_that_lets_everybody_in_and_expires_what_nobody_uses() -> None:
    parameters, variables = TEMPLATE["Parameters"], FUNCTIONS["SweepEnvironments"]["Environment"]["Variables"]
    named = {name: parameters.get(value["Ref"], {}) for name, value in variables.items()}
    given = {name: str(named[name]["Default"]) for name in POLICY}

    policy = settings.load(settings.SweepEnvironmentsSettings, {**COMPLETE, **given}).policy

    assert policy == Policy(expire_after=timedelta(days=14), keep_label="keep-environment")


def test_a_function_knows_how_often_its_queue_brings_a_message() -> None:
    brought = {one["RedrivePolicy"]["maxReceiveCount"] for one in QUEUES.values() if "RedrivePolicy" in one}

    assert {str(count) for count in brought} == {GLOBAL_VARIABLES["MOST_RECEIVES"]}


def test_who_gets_environments_has_no_default() -> None:
    assert "Default" not in TEMPLATE["Parameters"]["AllowedRepositories"]


def test_what_an_account_must_name_has_no_default_and_what_it_may_demand_is_empty() -> None:
    parameters = TEMPLATE["Parameters"]
    needed = {name for name, one in parameters.items() if "Default" not in one}
    groups = {
        group["Label"]["default"]: group["Parameters"]
        for group in TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    }

    assert needed == {
        "AllowedRepositories",
        "GitHubTokenSecretArn",
        "MwaaEnvironmentName",
        "DagsBucketName",
        "DatabricksHost",
        "DatabricksHttpPath",
        "DatabricksTokenSecretArn",
    }
    assert sorted(name for names in groups.values() for name in names) == sorted(parameters)
    optional = groups["What your company's account demands (all optional)"]
    assert {parameters[name]["Default"] for name in optional} == {"", "/"}


def test_what_is_kept_survives_the_stack() -> None:
    for name in ("Registry", "SourceBucket"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_every_dead_letter_queue_and_every_working_queue_has_an_eye_on_it() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")

    def watched(alarm: str) -> set[str]:
        measured = [one["Fn::If"][1] if "Fn::If" in one else one for one in alarms[alarm]["Metrics"]]
        metrics = [one for one in measured if "MetricStat" in one]
        names = [one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Fn::GetAtt"] for one in metrics]
        return {name.split(".")[0] for name in names}

    working = {one["EventSourceArn"]["Fn::GetAtt"].split(".")[0] for one in MAPPINGS.values()}
    assert watched("QueueAgeAlarm") == working
    assert watched("DeadLettersAlarm") == set(QUEUES) - working
    assert all(RESOURCES[name]["Condition"] in {"HasAlarms", "HasReleaseAlarms"} for name in alarms)


def test_every_reference_is_to_something_that_is_there() -> None:
    known = set(RESOURCES) | set(TEMPLATE["Parameters"]) | {f"{function}Role" for function in FUNCTIONS}  # SAM's

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in {"Ref", "Fn::GetAtt"} and isinstance(inner, str):
                    yield inner.split(".")[0]
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = {name for name in references([RESOURCES, TEMPLATE["Outputs"]]) if not name.startswith("AWS::")}
    assert found <= known


@pytest.mark.parametrize("parameter", TEMPLATE["Parameters"])
def test_every_parameter_is_used(parameter: str) -> None:
    text = (ROOT / "template.yaml").read_text()

    assert f"${{{parameter}}}" in text or f"!Ref {parameter}" in text
