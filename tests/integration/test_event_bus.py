"""The bus on EventBridge (moto), and the rules of the template behind it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.hooks import HierarchicalEmitter
from moto import mock_aws
from moto.events.models import events_backends
from moto.sqs.models import sqs_backends

from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import EventKind, action_detail, event_detail
from dagbranch.domain.sweep_truths import Action
from dagbranch.errors import TransientUpstreamError
from dagbranch.events import comment_event, environment_event, pull_request_event, report_work
from tests.fakes.contracts.event_bus import Arrived, EventBusContract
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, an_environment
from tests.fakes.template import ROOT, deployed

ACCOUNT, REGION, BUS = "123456789012", "eu-central-1", "dagbranch-bus"  # moto's only account


@dataclass
class Aws:
    events: Any
    sqs: Any

    def queue(self, name: str) -> str:
        url: str = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return url

    def arn(self, url: str) -> str:
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn: str = attributes["Attributes"]["QueueArn"]
        return arn

    def bodies(self, url: str) -> list[str]:
        received = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in received.get("Messages", [])]

    def events_in(self, url: str) -> list[str]:
        """With the account, which moto leaves out of what a rule passes on."""
        return [json.dumps({"account": ACCOUNT, **json.loads(body)}) for body in self.bodies(url)]


@pytest.fixture(scope="module")
def services() -> Iterator[Aws]:
    """One client for all: to make one costs more than a test."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield Aws(boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION))


@pytest.fixture
def aws(services: Aws) -> Aws:
    """An account with nothing in it."""
    events_backends[ACCOUNT][REGION].reset()
    sqs_backends[ACCOUNT][REGION].reset()
    return services


@pytest.fixture
def everything(aws: Aws) -> str:
    """A queue with all that comes off the bus."""
    aws.events.create_event_bus(Name=BUS)
    url = aws.queue("everything")
    aws.events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"account": ["123456789012"]}')
    aws.events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": aws.arn(url)}])
    return url


@pytest.fixture
def bus(aws: Aws, everything: str) -> EventBridgeBus:
    return EventBridgeBus(aws.events, BUS)


class TestEventBridgeBus(EventBusContract):
    @pytest.fixture
    def arrived(self, aws: Aws, everything: str) -> Arrived:
        def read() -> list[tuple[str, Any]]:
            events = [json.loads(body) for body in aws.bodies(everything)]
            return [(event["detail-type"], event["detail"]) for event in events]

        return read


@pytest.fixture
def routed(aws: Aws, bus: EventBridgeBus) -> dict[str, str]:
    """The template's rules on this bus: the address of each queue by its target's name."""
    urls: dict[str, str] = {}
    for name, rule in deployed({"Lane": "preview"}).items():
        if rule["Type"] != "AWS::Events::Rule" or "EventBusName" not in rule["Properties"]:
            continue
        pattern = json.dumps(rule["Properties"]["EventPattern"])
        aws.events.put_rule(Name=name, EventBusName=BUS, EventPattern=pattern)
        for target in rule["Properties"]["Targets"]:
            urls.setdefault(target["Id"], aws.queue(target["Id"]))
            arn = aws.arn(urls[target["Id"]])
            aws.events.put_targets(Rule=name, EventBusName=BUS, Targets=[{"Id": target["Id"], "Arn": arn}])
    return urls


def arrivals(aws: Aws, routed: dict[str, str]) -> dict[str, list[str]]:
    found = {name: aws.events_in(url) for name, url in routed.items()}
    return {name: bodies for name, bodies in found.items() if bodies}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("pull_request_opened", "FetchSource"),
        ("pull_request_synchronize", "FetchSource"),
        ("pull_request_closed", "RemoveEnvironment"),
    ],
)
def test_a_webhooks_event_reaches_its_function_with_its_delivery(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str], name: str, target: str
) -> None:
    payload = (ROOT / f"tests/data/github/{name}.json").read_text()

    bus.forward("pull_request", payload, "d-1")

    ((reached, (body,)),) = arrivals(aws, routed).items()
    assert reached == target
    event = pull_request_event(body)
    assert event.delivery == "d-1"
    assert event.head_sha == json.loads(payload)["pull_request"]["head"]["sha"]


@pytest.mark.parametrize("action", ["assigned", "edited", "milestoned", "auto_merge_enabled"])
def test_an_action_that_changes_nothing_reaches_nobody(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str], action: str
) -> None:
    payload = json.loads((ROOT / "tests/data/github/pull_request_opened.json").read_text())

    bus.forward("pull_request", json.dumps({**payload, "action": action}), "d-1")

    assert arrivals(aws, routed) == {}


def test_a_pull_request_on_another_base_branch_is_looked_at_again(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str]
) -> None:
    payload = json.loads((ROOT / "tests/data/github/pull_request_opened.json").read_text())
    changes = {"base": {"ref": {"from": "develop"}, "sha": {"from": FIRST}}}

    bus.forward("pull_request", json.dumps({**payload, "action": "edited", "changes": changes}), "d-1")

    assert list(arrivals(aws, routed)) == ["FetchSource"]


def test_a_comment_on_a_pull_request_reaches_who_answers_it_and_one_on_an_issue_nobody(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str]
) -> None:
    on_an_issue = json.loads((ROOT / "tests/data/github/issue_comment_created.json").read_text())
    on_a_pull = {**on_an_issue, "issue": {**on_an_issue["issue"], "pull_request": {"url": "https://api.github.com/"}}}

    bus.forward("issue_comment", json.dumps(on_an_issue), "d-1")
    assert arrivals(aws, routed) == {}
    bus.forward("issue_comment", json.dumps(on_a_pull), "d-2")

    ((reached, (body,)),) = arrivals(aws, routed).items()
    assert reached == "AnswerCommand"
    assert comment_event(body) is not None


def test_a_merge_groups_question_reaches_who_reports(aws: Aws, bus: EventBridgeBus, routed: dict[str, str]) -> None:
    payload = (ROOT / "tests/data/github/merge_group_checks_requested.json").read_text()

    bus.forward("merge_group", payload, "d-1")

    ((reached, (body,)),) = arrivals(aws, routed).items()
    assert reached == "ReportStatus"
    assert isinstance(report_work(body, "preview"), MergeGroup)


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        (EventKind.PACKAGED, {"ReportStatus", "VerifyEnvironment"}),
        (EventKind.PROVISIONED, {"ReportStatus", "VerifyEnvironment"}),
        (EventKind.READY, {"ReportStatus"}),
        (EventKind.FAILED, {"ReportStatus"}),
        (EventKind.REMOVED, {"ReportStatus"}),
        (EventKind.REPORT_REQUESTED, {"ReportStatus"}),
    ],
)
def test_an_announcement_reaches_who_goes_on_with_it(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str], kind: EventKind, targets: set[str]
) -> None:
    bus.publish(kind, event_detail(an_environment(generation=3), NOW))

    found = arrivals(aws, routed)
    assert set(found) == targets
    assert [environment_event(body).generation for bodies in found.values() for body in bodies] == [3] * len(found)


@pytest.mark.parametrize(
    ("kind", "target"),
    [(EventKind.ENVIRONMENT_REQUESTED, "FetchSource"), (EventKind.REMOVAL_REQUESTED, "RemoveEnvironment")],
)
def test_a_request_of_the_sweep_reaches_the_function_of_its_own_lane_alone(
    aws: Aws, bus: EventBridgeBus, routed: dict[str, str], kind: EventKind, target: str
) -> None:
    action = Action("request", REPOSITORY, REPOSITORY_ID, 1, FIRST, "why")

    bus.publish(kind, action_detail(action, "stage", NOW))
    assert arrivals(aws, routed) == {}
    bus.publish(kind, action_detail(action, "preview", NOW))

    ((reached, (body,)),) = arrivals(aws, routed).items()
    assert reached == target
    assert pull_request_event(body).repository_id == REPOSITORY_ID


class Recorded:
    """EventBridge, but for what it refuses: the entries whose place is in ``failing``."""

    def __init__(self, failing: Collection[int] = ()) -> None:
        self.requests: list[list[Any]] = []
        self.meta = SimpleNamespace(events=HierarchicalEmitter())
        self._failing = failing

    def put_events(self, *, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 # AWS's name
        first = sum(map(len, self.requests))
        self.requests.append(Entries)
        told = [
            {"ErrorCode": "ThrottlingException"} if first + place in self._failing else {"EventId": "x"}
            for place in range(len(Entries))
        ]
        return {"FailedEntryCount": sum("ErrorCode" in one for one in told), "Entries": told}


def recorded(*failing: int) -> tuple[EventBridgeBus, Recorded]:
    events = Recorded(failing)
    client: Any = events
    return EventBridgeBus(client, BUS), events


def test_a_hundred_events_are_put_in_ten_requests_in_their_order() -> None:
    bus, events = recorded()

    bus.publish_all((EventKind.READY, {"number": number}) for number in range(100))

    assert [len(entries) for entries in events.requests] == [10] * 10
    details = [json.loads(entry["Detail"])["number"] for entries in events.requests for entry in entries]
    assert details == list(range(100))


def test_one_request_is_never_larger_than_the_bus_takes() -> None:
    bus, events = recorded()

    bus.publish_all((EventKind.READY, {"text": "ü" * size}) for size in (10_000, 20_000, 30_000, 1, 60_000, 1))

    assert [len(entries) for entries in events.requests] == [2, 2, 1, 1]
    assert all(len(json.dumps(entries).encode()) < 512_000 for entries in events.requests)


def test_what_the_bus_refuses_is_told_after_all_the_rest_was_put() -> None:
    bus, events = recorded(3, 15)

    with pytest.raises(TransientUpstreamError, match=r"refused 2 events: Ready: ThrottlingException; Failed: Thr"):
        bus.publish_all((EventKind.READY if number < 10 else EventKind.FAILED, {}) for number in range(30))

    assert len(events.requests) == 3


def test_nothing_is_put_where_one_detail_is_no_json() -> None:
    bus, events = recorded()

    with pytest.raises(TypeError):
        bus.publish_all([(EventKind.READY, {}), (EventKind.READY, {"at": NOW})])
    assert events.requests == []


def test_no_event_costs_no_request() -> None:
    bus, events = recorded()

    bus.publish_all([])

    assert events.requests == []
