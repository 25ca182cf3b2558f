"""The payloads under ``events/`` are what AWS sends, and our parsers make of each the request that it stands for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventV2Model,
    EventBridgeModel,
    LambdaFunctionUrlModel,
    S3EventNotificationEventBridgeModel,
    SqsModel,
)

from dagbranch.domain.commands import Command, command_in
from dagbranch.domain.naming import RELEASE, SourceArchiveKey
from dagbranch.domain.reports import Answer, MergeGroup
from dagbranch.domain.requests import (
    DataRequest,
    DeploymentEvent,
    EnvironmentEvent,
    EventKind,
    JudgedRequest,
    PushEvent,
    ReleaseTick,
    ReportRequest,
    Wish,
)
from dagbranch.errors import InvalidEventError
from dagbranch.events import (
    archive_uploaded,
    comment_event,
    data_work,
    environment_event,
    fetch_work,
    pull_request_event,
    release_work,
    report_work,
    webhook_request,
)
from dagbranch.use_cases.receive_webhook import receive_webhook
from local.aws.invoke import EVENTS_WEBHOOK_SECRET

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
REPOSITORY, REPOSITORY_ID, PULL_NUMBER = "Codertocat/Hello-World", 186853002, 2
HEAD_SHA = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
FIRST_DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
PACKAGED = "package_dags/source_archive_created.json"
WEBHOOKS = sorted(path.name for path in EVENTS.glob("receive_webhook/*.json"))
QUEUED = sorted(
    str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json") if path.parent.name != "receive_webhook"
)


def read(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EVENTS / path).read_text())
    return content


def body_of(path: str) -> str:
    """The one message of a queue's event."""
    (record,) = SqsModel.model_validate(read(path)).Records
    return str(record.body)


def test_every_function_has_an_event_and_every_event_a_function() -> None:
    functions = {path.parent.name for path in ROOT.glob("functions/*/app.py")}

    assert {path.parent.name for path in EVENTS.glob("*/*.json")} == functions


@pytest.mark.parametrize("path", QUEUED)
def test_queued_event_is_a_batch_as_sqs_makes_it_of_an_event_from_the_bus(path: str) -> None:
    (record,) = read(path)["Records"]

    event = EventBridgeModel.model_validate(json.loads(body_of(path)))

    assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    assert event.account == record["eventSourceARN"].split(":")[4]
    assert event.time.timestamp() * 1000 < int(record["attributes"]["SentTimestamp"])


@pytest.mark.parametrize("name", WEBHOOKS)
def test_webhook_is_signed_as_github_signs_and_only_a_pull_request_goes_to_the_bus(name: str) -> None:
    event, forwarded = read(f"receive_webhook/{name}"), list[tuple[str, str, str]]()

    request = webhook_request(event)
    receive_webhook(request, secrets=[EVENTS_WEBHOOK_SECRET], forward=lambda *given: forwarded.append(given))

    used = request.event_name == "pull_request"
    assert forwarded == ([(request.event_name, event["body"], event["headers"]["x-github-delivery"])] if used else [])
    assert event["headers"]["content-length"] == str(len(request.body))


@pytest.mark.parametrize("name", WEBHOOKS)
def test_webhook_has_the_envelope_of_the_door_it_came_through(name: str) -> None:
    through_api = name.endswith("_http_api.json")

    model = (APIGatewayProxyEventV2Model if through_api else LambdaFunctionUrlModel).model_validate(
        read(f"receive_webhook/{name}")
    )

    assert model.routeKey == ("POST /" if through_api else "$default")
    assert model.requestContext.domainName is not None
    assert (".execute-api." if through_api else ".lambda-url.") in model.requestContext.domainName


def test_both_doors_have_an_event() -> None:
    assert {name.endswith("_http_api.json") for name in WEBHOOKS} == {True, False}


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("fetch_source/pull_request_opened.json", True),
        ("fetch_source/pull_request_synchronize.json", True),
        ("remove_environment/pull_request_closed.json", False),
    ],
)
def test_pull_request_event_carries_what_github_says_of_it(path: str, *, is_open: bool) -> None:
    parsed = pull_request_event(body_of(path))

    assert (parsed.repository, parsed.repository_id) == (REPOSITORY, REPOSITORY_ID)
    assert (parsed.pull_number, parsed.head_sha) == (PULL_NUMBER, HEAD_SHA)
    assert parsed.claims is not None
    assert (parsed.claims.is_open, parsed.claims.head_ref) == (is_open, "changes")
    assert not parsed.claims.is_from_a_fork


@pytest.mark.parametrize("name", ["opened", "synchronize", "closed"])
def test_pull_request_event_is_githubs_own_example(name: str) -> None:
    function = "remove_environment" if name == "closed" else "fetch_source"
    example = json.loads((ROOT / f"tests/data/github/pull_request_{name}.json").read_text())

    assert json.loads(body_of(f"{function}/pull_request_{name}.json"))["detail"] == example


def test_delivery_that_came_by_webhook_is_the_delivery_of_the_event_on_the_bus() -> None:
    request = webhook_request(read("receive_webhook/pull_request_opened.json"))

    assert pull_request_event(body_of("fetch_source/pull_request_opened.json")).delivery == request.delivery
    assert request.delivery == FIRST_DELIVERY


@pytest.mark.parametrize(
    "path", ["fetch_source/environment_requested.json", "remove_environment/removal_requested.json"]
)
def test_request_of_the_sweep_names_the_pull_request_and_claims_nothing_of_it(path: str) -> None:
    parsed = pull_request_event(body_of(path))

    assert (parsed.repository, parsed.repository_id) == (REPOSITORY, REPOSITORY_ID)
    assert (parsed.pull_number, parsed.head_sha) == (PULL_NUMBER, HEAD_SHA)
    assert parsed.claims is None
    assert (parsed.orphan, parsed.schemas) == (None, ())


def test_request_to_remove_an_orphan_names_what_stands_without_a_record() -> None:
    parsed = pull_request_event(body_of("remove_environment/orphan_removal_requested.json"))

    assert (parsed.repository_id, parsed.pull_number) == (REPOSITORY_ID, PULL_NUMBER)
    assert (parsed.orphan, parsed.schemas) == ("changes", ("db_attribution_changes",))


@pytest.mark.parametrize("function", ["package_dags", "provision_data"])
def test_new_object_is_the_source_archive_of_the_pull_request(function: str) -> None:
    body = body_of(f"{function}/source_archive_created.json")

    model = S3EventNotificationEventBridgeModel.model_validate(json.loads(body))
    uploaded = archive_uploaded(body)

    key = SourceArchiveKey.parse(uploaded.key)
    assert (key.repository, key.pull_number, key.head_sha) == (REPOSITORY, PULL_NUMBER, HEAD_SHA)
    assert uploaded.uploaded_at == datetime(2026, 11, 20, 12, 0, 3, tzinfo=UTC)
    assert model.detail.reason == "PutObject"


@pytest.mark.parametrize("kind", ["reset", "check"])
def test_request_about_data_names_the_environment_of_a_pull_request(kind: Literal["reset", "check"]) -> None:
    body = body_of(f"provision_data/data_{kind}_requested.json")

    requested_at = EventBridgeModel.model_validate(json.loads(body)).time
    assert data_work(body, "preview") == DataRequest(kind, REPOSITORY_ID, REPOSITORY, PULL_NUMBER, requested_at)


def test_upload_is_an_upload_to_the_function_that_also_takes_requests_about_data() -> None:
    body = body_of("provision_data/source_archive_created.json")

    assert data_work(body, "preview") == archive_uploaded(body)


@pytest.mark.parametrize(("name", "kind"), [("packaged", "Packaged"), ("provisioned", "Provisioned")])
def test_half_that_stands_is_told_with_its_generation(name: str, kind: str) -> None:
    parsed = environment_event(body_of(f"verify_environment/{name}.json"))

    assert (parsed.kind, parsed.lane, parsed.generation) == (kind, "preview", 1)
    assert (parsed.repository, parsed.pull_number, parsed.head_sha) == (REPOSITORY, PULL_NUMBER, HEAD_SHA)


def test_request_to_look_at_airflow_again_is_about_the_generation_that_stands() -> None:
    parsed = environment_event(body_of("verify_environment/verification_requested.json"))

    assert (parsed.kind, parsed.lane, parsed.generation) == (EventKind.VERIFICATION_REQUESTED, "preview", 1)
    assert (parsed.repository_id, parsed.pull_number, parsed.head_sha) == (REPOSITORY_ID, PULL_NUMBER, HEAD_SHA)


def test_comment_is_githubs_example_as_a_command_on_the_pull_request() -> None:
    comment = comment_event(body_of("answer_command/issue_comment_created.json"))

    assert comment is not None
    assert (comment.repository, comment.repository_id) == (REPOSITORY, REPOSITORY_ID)
    assert (comment.pull_number, comment.author, comment.is_bot) == (PULL_NUMBER, "Codertocat", False)
    assert command_in(comment.text) == Command("redeploy")


def test_request_that_a_command_makes_says_who_wants_what() -> None:
    parsed = pull_request_event(body_of("fetch_source/redeploy_requested.json"))

    assert (parsed.repository_id, parsed.pull_number, parsed.claims) == (REPOSITORY_ID, PULL_NUMBER, None)
    assert parsed.wish == Wish("Codertocat", is_forced=True)


def test_what_is_told_is_an_environment_with_an_answer_or_none() -> None:
    ready = report_work(body_of("report_status/ready.json"), "preview")
    answered = report_work(body_of("report_status/command_answered.json"), "preview")

    assert isinstance(ready, ReportRequest)
    assert isinstance(answered, ReportRequest)
    for one in (ready, answered):
        assert (one.repository_id, one.pull_number, one.head_sha) == (REPOSITORY_ID, PULL_NUMBER, HEAD_SHA)
    comment = comment_event(body_of("answer_command/issue_comment_created.json"))
    assert comment is not None
    assert ready.answer is None
    assert isinstance(answered.answer, Answer)
    assert answered.answer.comment_id == comment.comment_id


def test_merge_group_is_asked_about_with_the_pull_request_that_it_is_named_after() -> None:
    asked = report_work(body_of("report_status/merge_group_checks_requested.json"), "preview")

    assert isinstance(asked, MergeGroup)
    assert (asked.repository_id, asked.pull_number) == (REPOSITORY_ID, PULL_NUMBER)


def test_push_is_githubs_own_example_of_one_to_a_branch() -> None:
    body = body_of("fetch_source/push.json")

    pushed = fetch_work(body)

    assert isinstance(pushed, PushEvent)
    assert (pushed.repository, pushed.repository_id, pushed.branch) == (REPOSITORY, REPOSITORY_ID, "master")
    assert json.loads(body)["detail"] == json.loads((ROOT / "tests/data/github/push.json").read_text())


@pytest.mark.parametrize("name", ["deployment_created", "deployment_in_progress"])
def test_deployment_is_githubs_example_for_the_lane_prod(name: str) -> None:
    asked = release_work(body_of(f"promote_release/{name}.json"), "stage")

    assert isinstance(asked, DeploymentEvent)
    assert (asked.repository, asked.repository_id) == (REPOSITORY, REPOSITORY_ID)
    assert (asked.deployment_id, asked.environment) == (145988746, "prod")


@pytest.mark.parametrize(
    ("name", "kind"), [("ready", EventKind.READY), ("repair_requested", EventKind.ENVIRONMENT_REQUESTED)]
)
def test_what_became_of_a_release_names_the_repositorys_environment_in_the_lane(name: str, kind: EventKind) -> None:
    told = release_work(body_of(f"promote_release/{name}.json"), "stage")

    assert isinstance(told, EnvironmentEvent)
    assert (told.kind, told.lane, told.pull_number) == (kind, "stage", RELEASE)
    assert (told.repository_id, told.head_sha) == (REPOSITORY_ID, HEAD_SHA)


def test_promotion_that_arrived_is_the_same_commits_archive_in_the_next_lane() -> None:
    body = body_of("promote_release/promotion_arrived.json")

    S3EventNotificationEventBridgeModel.model_validate(json.loads(body))
    arrived, key = release_work(body, "prod"), SourceArchiveKey.parse(archive_uploaded(body).key)

    assert arrived == archive_uploaded(body)
    assert (key.repository, key.pull_number, key.head_sha) == (REPOSITORY, RELEASE, HEAD_SHA)
    assert key.source_digest == SourceArchiveKey.parse(archive_uploaded(body_of(PACKAGED)).key).source_digest


def test_what_was_judged_is_a_commit_and_the_lane_that_it_was_for() -> None:
    judged = report_work(body_of("report_status/release_judged.json"), "stage")

    assert judged == JudgedRequest(REPOSITORY_ID, REPOSITORY, HEAD_SHA, "prod")


@pytest.mark.parametrize("function", ["promote_release", "sweep_environments"])
def test_tick_is_the_schedules_own_event(function: str) -> None:
    tick = EventBridgeModel.model_validate(json.loads(body_of(f"{function}/scheduled_tick.json")))

    assert (tick.source, tick.detail_type, tick.detail) == ("aws.events", "Scheduled Event", {})


def test_tick_of_the_releases_is_read_as_one() -> None:
    assert release_work(body_of("promote_release/scheduled_tick.json"), "stage") == ReleaseTick()


@pytest.mark.parametrize("parse", [pull_request_event, archive_uploaded, environment_event, comment_event])
def test_tick_is_nothing_to_the_parsers_of_the_other_functions(parse: Callable[[str], object]) -> None:
    with pytest.raises(InvalidEventError):
        parse(body_of("sweep_environments/scheduled_tick.json"))
