from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.releases import Judged, Release
from dagbranch.domain.reports import Answer, MergeGroup
from dagbranch.domain.requests import (
    CommentEvent,
    DataRequest,
    DeploymentEvent,
    EventKind,
    JudgedRequest,
    PushEvent,
    ReleaseTick,
    ReportRequest,
    SeedRequest,
    Wish,
    event_detail,
    judged_detail,
    release_request_detail,
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
)
from tests.fakes.bus_messages import from_github, on_the_bus, s3_event
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, an_environment

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("name", "is_open"),
    [("pull_request_opened", True), ("pull_request_synchronize", True), ("pull_request_closed", False)],
)
def test_githubs_own_payloads_are_read(name: str, is_open: bool) -> None:  # noqa: FBT001 # a parameter of the test
    payload = from_github(name)

    event = pull_request_event(on_the_bus(payload))

    pull = payload["pull_request"]
    assert event.repository == payload["repository"]["full_name"]
    assert event.repository_id == payload["repository"]["id"]
    assert (event.pull_number, event.head_sha) == (pull["number"], pull["head"]["sha"])
    assert event.delivery == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert event.claims is not None
    assert event.claims.is_open is is_open
    assert event.claims.head_ref == pull["head"]["ref"]
    assert event.claims.is_from_a_fork is (pull["head"]["repo"]["id"] != payload["repository"]["id"])


def test_a_pull_request_of_a_deleted_fork_is_from_a_fork() -> None:
    payload = from_github("pull_request_opened")
    payload["pull_request"]["head"]["repo"] = None

    event = pull_request_event(on_the_bus(payload))

    assert event.claims is not None
    assert event.claims.is_from_a_fork


def test_without_a_delivery_the_events_own_id_stands_for_it() -> None:
    event = pull_request_event(on_the_bus(from_github("pull_request_opened"), resources=[]))

    assert event.delivery == "6a7e8feb-b491-4cf7-a9f1-bf3703467718"


def test_dagbranchs_own_requests_and_announcements_are_read_as_they_were_put() -> None:
    detail = event_detail(an_environment(generation=3), NOW, dag_ids=[])
    message = on_the_bus(detail, source="dagbranch", **{"detail-type": "Packaged"})

    announced, asked = environment_event(message), pull_request_event(message)

    assert (announced.kind, announced.lane, announced.generation, announced.at) == ("Packaged", "preview", 3, NOW)
    for event in (announced, asked):
        assert (event.repository, event.repository_id, event.pull_number) == (REPOSITORY, REPOSITORY_ID, 1)
        assert event.head_sha == FIRST
    assert asked.claims is None


def test_an_upload_is_its_key_and_its_time() -> None:
    upload = archive_uploaded(s3_event("sources/acme/pipelines/a b+ü.zip"))

    assert upload.key == "sources/acme/pipelines/a b+ü.zip"
    assert upload.uploaded_at == datetime(2026, 11, 21, 9, tzinfo=UTC)


def for_data(body: str) -> object:
    return data_work(body, "preview")


def to_report(body: str) -> object:
    return report_work(body, "preview")


def for_a_release(body: str) -> object:
    return release_work(body, "stage")


READERS = [pull_request_event, comment_event, to_report, archive_uploaded, environment_event, for_data, fetch_work]
REQUEST = {"version": 1, "lane": "preview", "repository": REPOSITORY, "pull_number": 1, "data": {"repository_id": 4711}}


@pytest.mark.parametrize(
    ("detail_type", "kind"), [("Data Reset Requested", "reset"), ("Data Check Requested", "check")]
)
def test_requests_for_data_are_read_with_their_time(detail_type: str, kind: str) -> None:
    request = for_data(on_the_bus(REQUEST, source="dagbranch", **{"detail-type": detail_type}))

    assert request == DataRequest(kind, REPOSITORY_ID, REPOSITORY, 1, NOW)  # type: ignore[arg-type] # one of the two


@pytest.mark.parametrize(
    ("detail", "detail_type"),
    [
        ({**REQUEST, "lane": "stage"}, "Data Reset Requested"),
        ({**REQUEST, "pull_number": -2}, "Data Reset Requested"),
        ({**REQUEST, "version": 2}, "Data Reset Requested"),
        (REQUEST, "Removal Requested"),
    ],
)
def test_a_request_for_data_of_another_lane_or_kind_is_invalid(detail: Any, detail_type: str) -> None:
    with pytest.raises(InvalidEventError):
        for_data(on_the_bus(detail, source="dagbranch", **{"detail-type": detail_type}))


def test_an_upload_and_a_seed_come_through_the_queue_of_the_data() -> None:
    seed = {"key": "sources/a.zip", "generation": 2, "table": "db_feature1.m_roi"}

    assert for_data(s3_event("sources/a.zip")) == archive_uploaded(s3_event("sources/a.zip"))
    assert for_data(json.dumps({"seed": seed})) == SeedRequest("sources/a.zip", 2, "db_feature1.m_roi")


@pytest.mark.parametrize("seed", [None, [], {}, {"key": "a", "generation": "x", "table": "t"}])
def test_a_malformed_seed_is_invalid(seed: Any) -> None:
    with pytest.raises(InvalidEventError):
        for_data(json.dumps({"seed": seed}))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        on_the_bus({}),
        on_the_bus([]),
        on_the_bus(from_github("ping")),
        on_the_bus(from_github("issues_opened")),
    ],
)
def test_a_message_of_another_kind_is_invalid(read: Any, message: str) -> None:
    with pytest.raises(InvalidEventError):
        read(message)


@pytest.mark.parametrize("read", READERS)
@given(anything)
def test_no_detail_makes_a_reader_crash(read: Any, detail: Any) -> None:
    with pytest.raises(InvalidEventError):
        read(on_the_bus(detail))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("number",), 0),
        (("number",), "x"),
        (("state",), "merged"),
        (("head", "sha"), "main"),
        (("head", "sha"), "A" * 40),
        (("head", "ref"), None),
    ],
)
def test_a_malformed_pull_request_is_invalid_and_its_content_is_not_told(place: tuple[str, ...], value: Any) -> None:
    payload = from_github("pull_request_opened")
    inner = payload["pull_request"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value

    with pytest.raises(InvalidEventError, match=place[-1]) as error:
        pull_request_event(on_the_bus(payload))
    assert payload["pull_request"]["title"] not in str(error.value)


def a_comment(**different: Any) -> dict[str, Any]:
    """GitHub's example, as a comment on a pull request."""
    payload = from_github("issue_comment_created")
    payload["issue"]["pull_request"] = {"url": payload["issue"]["url"].replace("issues", "pulls")}
    return payload | different


def test_a_new_comment_on_a_pull_request_is_read_with_its_author() -> None:
    payload = a_comment()

    comment = comment_event(on_the_bus(payload))

    assert comment == CommentEvent(
        repository_id=payload["repository"]["id"],
        repository=payload["repository"]["full_name"],
        pull_number=payload["issue"]["number"],
        comment_id=payload["comment"]["id"],
        author=payload["comment"]["user"]["login"],
        is_bot=False,
        text=payload["comment"]["body"],
        delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958",
        at=datetime.fromisoformat(payload["comment"]["created_at"]),
        installation_id=payload["installation"]["id"],
    )


def test_a_comment_of_a_bot_is_known_as_such() -> None:
    payload = a_comment()
    payload["comment"]["user"]["type"] = "Bot"

    comment = comment_event(on_the_bus(payload))

    assert comment is not None
    assert comment.is_bot


def test_of_comments_only_new_ones_on_a_pull_request_are_looked_at() -> None:
    on_an_issue = from_github("issue_comment_created")
    of_nobody = a_comment()
    of_nobody["comment"]["user"] = None

    for payload in (on_an_issue, of_nobody, a_comment(action="edited"), a_comment(action="deleted")):
        assert comment_event(on_the_bus(payload)) is None


def test_a_merge_queues_question_names_the_pull_request_that_its_branch_is_called_after() -> None:
    payload = from_github("merge_group_checks_requested")

    asked = report_work(on_the_bus(payload), "preview")

    assert asked == MergeGroup(
        payload["repository"]["id"], payload["repository"]["full_name"], payload["merge_group"]["head_sha"], 104
    )


def test_the_base_of_a_merge_group_may_have_slashes() -> None:
    payload = from_github("merge_group_checks_requested")
    payload["merge_group"]["head_ref"] = f"refs/heads/gh-readonly-queue/release/pr-9-{FIRST}/pr-7-{FIRST}"

    asked = report_work(on_the_bus(payload), "preview")

    assert isinstance(asked, MergeGroup)
    assert asked.pull_number == 7


def test_a_merge_group_that_is_gone_asks_nothing() -> None:
    payload = from_github("merge_group_checks_requested") | {"action": "destroyed"}

    assert report_work(on_the_bus(payload), "preview") is None


@pytest.mark.parametrize("head_ref", ["refs/heads/main", "refs/heads/gh-readonly-queue/main/pr-x-1", ""])
def test_a_merge_group_that_names_no_pull_request_is_invalid(head_ref: str) -> None:
    payload = from_github("merge_group_checks_requested")
    payload["merge_group"]["head_ref"] = head_ref

    with pytest.raises(InvalidEventError, match="head_ref"):
        report_work(on_the_bus(payload), "preview")


ANSWER = Answer(17, "dana", "deploy", "taken", "eyes", NOW)


def as_data(value: Any) -> dict[str, Any]:
    return {key: one.isoformat() if isinstance(one, datetime) else one for key, one in asdict(value).items()}


@pytest.mark.parametrize("answer", [None, ANSWER])
def test_a_report_is_requested_of_a_pull_request_with_or_without_an_answer(answer: Answer | None) -> None:
    data = {"answer": as_data(answer)} if answer else {}
    detail = event_detail(an_environment(), NOW, **data)

    asked = report_work(on_the_bus(detail, source="dagbranch", **{"detail-type": "Report Requested"}), "preview")

    assert asked == ReportRequest(REPOSITORY_ID, REPOSITORY, 1, FIRST, NOW, answer)


def test_another_lanes_events_are_told_by_its_own_stack() -> None:
    detail = event_detail(an_environment(), NOW)

    assert report_work(on_the_bus(detail, source="dagbranch"), "stage") is None


def test_what_somebody_asked_for_comes_with_the_request() -> None:
    wish = Wish("dana", is_forced=True, approved=FIRST, keep=True, schedules=False, removal=True)
    detail = event_detail(an_environment(), NOW, wish=asdict(wish))

    assert pull_request_event(on_the_bus(detail, source="dagbranch")).wish == wish


def test_a_commit_is_approved_by_its_whole_sha_alone() -> None:
    detail = event_detail(an_environment(), NOW, wish={"by": "dana", "approved": FIRST[:7]})

    with pytest.raises(InvalidEventError, match="approved"):
        pull_request_event(on_the_bus(detail, source="dagbranch"))


@pytest.mark.parametrize(("name", "pushed_at"), [("opened", None), ("synchronize", NOW), ("closed", None)])
def test_only_a_push_says_when_it_came(name: str, pushed_at: datetime | None) -> None:
    assert pull_request_event(on_the_bus(from_github(f"pull_request_{name}"))).pushed_at == pushed_at


def test_a_webhook_of_an_app_says_for_which_installation_it_is() -> None:
    payload = from_github("pull_request_opened")
    without = {key: value for key, value in payload.items() if key != "installation"}

    assert pull_request_event(on_the_bus(payload)).installation_id == payload["installation"]["id"]
    assert pull_request_event(on_the_bus(without)).installation_id is None


A_REPOSITORY = {"id": REPOSITORY_ID, "full_name": REPOSITORY}
PUSH = {"ref": "refs/heads/main", "after": FIRST, "repository": A_REPOSITORY, "installation": {"id": 7}}
DEPLOYMENT = {"action": "created", "deployment": {"id": 42, "environment": "prod"}, "repository": A_REPOSITORY}


def test_a_push_names_the_branch_and_no_commit_that_anybody_would_believe() -> None:
    pushed = fetch_work(on_the_bus(PUSH, **{"detail-type": "push"}))

    assert pushed == PushEvent(REPOSITORY_ID, REPOSITORY, "main", "72d3162e-cc78-11e3-81ab-4c9367dc0958", 7)


def test_what_github_sends_of_a_push_and_of_deployments_is_read() -> None:
    payload = from_github("push")
    to_production = from_github("deployment_created")
    status = from_github("deployment_status_created")
    status["deployment"]["environment"] = "stage"

    pushed = fetch_work(on_the_bus(payload, **{"detail-type": "push"}))
    elsewhere = for_a_release(on_the_bus(to_production, **{"detail-type": "deployment"}))
    told = for_a_release(on_the_bus(status, **{"detail-type": "deployment_status"}))

    assert isinstance(pushed, PushEvent)
    assert (pushed.branch, pushed.installation_id) == ("master", payload["installation"]["id"])
    assert elsewhere is None
    assert isinstance(told, DeploymentEvent)
    assert (told.deployment_id, told.environment) == (status["deployment"]["id"], "stage")


def test_a_branch_that_is_pushed_to_may_have_slashes() -> None:
    pushed = fetch_work(on_the_bus({**PUSH, "ref": "refs/heads/release/1"}, **{"detail-type": "push"}))

    assert isinstance(pushed, PushEvent)
    assert pushed.branch == "release/1"


@pytest.mark.parametrize("different", [{"ref": "refs/tags/v1"}, {"deleted": True}, {"ref": "main"}])
def test_a_tag_or_a_deletion_is_no_push_to_a_branch(different: dict[str, Any]) -> None:
    assert fetch_work(on_the_bus(PUSH | different, **{"detail-type": "push"})) is None


@pytest.mark.parametrize(
    "different",
    [
        {"ref": "refs/heads/" + "b" * 2_000},
        {"ref": None},
        {"repository": {"id": 2**63, "full_name": REPOSITORY}},
        {"repository": {"id": REPOSITORY_ID, "full_name": "a" * 300}},
    ],
)
def test_what_github_would_not_send_of_a_push_is_refused_and_told_shortly(different: dict[str, Any]) -> None:
    with pytest.raises(InvalidEventError) as refused:
        fetch_work(on_the_bus(PUSH | different, **{"detail-type": "push"}))

    assert len(str(refused.value)) < 200


def test_a_push_that_never_came_is_asked_for_by_the_schedule() -> None:
    detail = release_request_detail(REPOSITORY_ID, REPOSITORY, "main", FIRST, "stage", NOW)
    message = on_the_bus(detail, source="dagbranch", resources=[], **{"detail-type": EventKind.RELEASE_REQUESTED})

    assert fetch_work(message) == PushEvent(REPOSITORY_ID, REPOSITORY, "main", "6a7e8feb-b491-4cf7-a9f1-bf3703467718")


def test_a_pull_request_comes_through_the_same_queue_as_a_push() -> None:
    message = on_the_bus(from_github("pull_request_opened"))

    assert fetch_work(message) == pull_request_event(message)


@pytest.mark.parametrize("kind", ["deployment", "deployment_status"])
def test_a_deployment_is_known_by_its_id_and_what_it_is_for(kind: str) -> None:
    asked = for_a_release(on_the_bus(DEPLOYMENT, **{"detail-type": kind}))

    delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert asked == DeploymentEvent(REPOSITORY_ID, REPOSITORY, 42, "prod", delivery)


@pytest.mark.parametrize("environment", ["dagbranch/preview", "preview", "production", "Prod", "", "x" * 10_000])
def test_a_deployment_to_no_release_lane_is_nobodys_work(environment: str) -> None:
    message = {**DEPLOYMENT, "deployment": {"id": 42, "environment": environment}}

    assert for_a_release(on_the_bus(message, **{"detail-type": "deployment"})) is None


@pytest.mark.parametrize(
    "deployment", [{"id": 0, "environment": "prod"}, {"id": 2**63, "environment": "prod"}, {}, None]
)
def test_what_is_no_deployment_is_refused(deployment: dict[str, Any] | None) -> None:
    with pytest.raises(InvalidEventError):
        for_a_release(on_the_bus({**DEPLOYMENT, "deployment": deployment}, **{"detail-type": "deployment"}))


@pytest.mark.parametrize("number", [RELEASE, CANARY])
@pytest.mark.parametrize("kind", [EventKind.READY, EventKind.FAILED, EventKind.ENVIRONMENT_REQUESTED])
def test_what_became_of_a_release_is_read_as_it_was_put(kind: EventKind, number: int) -> None:
    detail = event_detail(an_environment(lane="stage", pull_number=number, generation=3), NOW)
    message = on_the_bus(detail, source="dagbranch", **{"detail-type": kind})

    assert for_a_release(message) == environment_event(message)
    assert environment_event(message).pull_number == number


@pytest.mark.parametrize(
    "different",
    [
        {"pull_number": 1},
        {"lane": "prod"},
        {"pull_number": -2},
    ],
)
def test_a_pull_request_or_another_lane_is_no_release(different: dict[str, Any]) -> None:
    detail = event_detail(an_environment(lane="stage", pull_number=RELEASE), NOW) | different

    with pytest.raises(InvalidEventError):
        for_a_release(on_the_bus(detail, source="dagbranch", **{"detail-type": "Ready"}))


def test_of_a_release_other_events_are_somebody_elses_work() -> None:
    detail = event_detail(an_environment(lane="stage", pull_number=RELEASE), NOW)

    for source, kind in (("dagbranch", "Packaged"), ("somebody", "Ready")):
        with pytest.raises(InvalidEventError):
            for_a_release(on_the_bus(detail, source=source, **{"detail-type": kind}))


def test_an_archive_comes_through_the_queue_of_the_promotions() -> None:
    message = s3_event(f"sources/acme/pipelines/release/{FIRST}/{'0' * 64}.zip")

    assert for_a_release(message) == archive_uploaded(message)


def test_the_schedules_tick_and_one_put_by_hand_are_the_same() -> None:
    scheduled = on_the_bus({}, source="aws.events", **{"detail-type": "Scheduled Event"})

    assert for_a_release(scheduled) == for_a_release("{}") == ReleaseTick()


@pytest.mark.parametrize("message", ["", "[]", "null", on_the_bus({}), on_the_bus(from_github("ping"))])
def test_a_message_that_no_promotion_takes_is_invalid(message: str) -> None:
    with pytest.raises(InvalidEventError):
        for_a_release(message)


def test_what_was_judged_is_told_by_the_lane_that_judged() -> None:
    judged = Judged(42, "prod", "dana", NOW, "refused", message="not soaked")
    detail = judged_detail(Release(REPOSITORY_ID, REPOSITORY, FIRST, judged=judged), "stage", NOW)
    message = on_the_bus(detail, source="dagbranch", **{"detail-type": "Release Judged"})

    assert report_work(message, "stage") == JudgedRequest(REPOSITORY_ID, REPOSITORY, FIRST, "prod")
    assert report_work(message, "prod") is None


def test_what_was_judged_for_no_lane_is_invalid() -> None:
    detail = judged_detail(Release(REPOSITORY_ID, REPOSITORY, FIRST), "stage", NOW)

    with pytest.raises(InvalidEventError, match="target"):
        report_work(on_the_bus(detail, source="dagbranch", **{"detail-type": "Release Judged"}), "stage")
