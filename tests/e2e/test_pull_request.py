"""What stands on pull requests, on the deployed template: comment, check and deployment, and who may ask for what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from dagbranch.domain.environments import Environment, Status
from local.demo import observation
from local.github import Comment
from local.github.feedback import CheckRecord
from local.github.published_schemas import faults_answered, faults_sent
from local.github.rest.exchanges import Exchange
from tests.e2e.conftest import Told
from tests.e2e.talks import (
    BROKEN,
    CHECK,
    EXCEPT_LABEL,
    MARKER,
    MISSPELLED,
    READER,
    REPOSITORY,
    STRANGER,
    WRITER,
    Page,
    Talks,
    dag,
)

with_app = pytest.mark.parametrize("told", ["3"], indirect=True, ids=["airflow-3"])
with_token = pytest.mark.parametrize("told", ["2"], indirect=True, ids=["airflow-2"])


@dataclass(frozen=True)
class Act:
    """One pull request: what stood on it at each step, what was said, and what a merge queue was told."""

    pages: dict[str, Page]
    said: dict[str, Comment]
    groups: dict[str, CheckRecord]

    def __getitem__(self, step: str) -> Page:
        return self.pages[step]


@pytest.fixture(scope="module")
def exchanges(told: Told) -> Iterator[list[Exchange]]:
    """All that the deployed functions ask GitHub, write there and are answered, from here on."""
    recorded: list[Exchange] = []
    told.stack.github.site.exchanges = recorded
    yield recorded
    told.stack.github.site.exchanges = None


@pytest.fixture(scope="module")
def acts(told: Told, exchanges: list[Exchange]) -> dict[str, Act]:
    """All at once, because most of their time they wait for Airflow's next look at its folder."""
    talks = Talks(told.stack, told.hosted[REPOSITORY])
    talks.begin()
    played: dict[str, Callable[[Talks], Act]] = {
        "good": _good,
        "broken": _broken,
        "misspelled": _misspelled,
        "fork": _fork,
        "labelled": _labelled,
        "draft": _draft,
        "commands": _commands,
        "forced": _forced,
    }
    with ThreadPoolExecutor(len(played)) as threads:
        running = {name: threads.submit(act, talks) for name, act in played.items()}
    return {name: one.result() for name, one in running.items()}


def _good(talks: Talks) -> Act:
    """Opened, pushed to three times at once, and put into the merge queue."""
    pull = talks.open("good", dag("good"))
    pages = {"opened": talks.told(pull, "success")}
    for number in range(3):
        pull.push(dag(f"push {number}"), f"Push {number}")
    pages["pushed"] = talks.told(pull, "success")
    group = pull.enqueue()
    talks.wait(lambda: CHECK in group.checks, "the merge group is answered")
    return Act(pages, {}, {"ready": group.checks[CHECK]})


def _broken(talks: Talks) -> Act:
    """A module that cannot be imported, put into the merge queue all the same, and mended."""
    pull = talks.open("broken", {**dag("broken"), "dags/qu/broken.py": BROKEN})
    pages = {"broken": talks.told(pull, "failure")}
    group = pull.enqueue()
    talks.wait(lambda: CHECK in group.checks, "the merge group is answered")
    pull.push({"dags/qu/broken.py": b"# airflow dag\n"}, "Mend it")
    pages["mended"] = talks.told(pull, "success")
    return Act(pages, {}, {"failed": group.checks[CHECK]})


def _misspelled(talks: Talks) -> Act:
    return Act({"misspelled": talks.told(talks.open("misspelled", {"dagbranch.yaml": MISSPELLED}), "failure")}, {}, {})


def _fork(talks: Talks) -> Act:
    """A stranger's commit, asked for by the stranger, by a reader and by somebody who may; then the next one."""
    fork = talks.repository.fork(STRANGER)
    fork.commit("offer", dag("an offer"), "An offer", start_from="main")
    pull = talks.repository.open_pull("offer", "An offer", head_repository=fork)
    pages = {"opened": talks.told(pull, "neutral")}
    said = {
        "stranger": talks.say(pull, STRANGER, f"/dagbranch deploy {pull.head_sha}"),
        "reader": talks.say(pull, READER, f"/dagbranch deploy {pull.head_sha}"),
        "no commit": talks.say(pull, WRITER, "/dagbranch deploy"),
        "another commit": talks.say(pull, WRITER, f"/dagbranch deploy {'0' * 40}"),
    }
    pages["asked in vain"] = talks.told(pull, "neutral")
    said["approved"] = talks.say(pull, WRITER, f"/dagbranch deploy {pull.head_sha}")
    pages["approved"] = talks.told(pull, "success")
    pull.push(dag("another offer"), "Something else")
    talks.wait(lambda: talks.record(pull).status == Status.REFUSED, "what was approved is gone again")
    pages["pushed"] = talks.told(pull, "neutral")
    return Act(pages, said, {})


def _labelled(talks: Talks) -> Act:
    pull = talks.open("labelled", dag("labelled"), deliver=False)
    pull.label(EXCEPT_LABEL)
    pages = {"labelled": talks.told(pull, "neutral")}
    pull.unlabel(EXCEPT_LABEL)
    pages["unlabelled"] = talks.told(pull, "success")
    return Act(pages, {}, {})


def _draft(talks: Talks) -> Act:
    pull = talks.open("draft", dag("a draft"), draft=True)
    pages = {"draft": talks.told(pull, "neutral")}
    pull.ready_for_review()
    pages["ready"] = talks.told(pull, "success")
    return Act(pages, {}, {})


def _commands(talks: Talks) -> Act:
    pull = talks.open("commands", dag("commands"))
    pages = {"opened": talks.told(pull, "success")}
    said = {
        "status": talks.say(pull, WRITER, "/dagbranch status"),
        "unknown": talks.say(pull, WRITER, "/dagbranch fly @zalando/all <b>now</b>"),
        "reader": talks.say(pull, READER, "/dagbranch remove"),
        "keep": talks.say(pull, WRITER, "/dagbranch keep"),
        "schedules": talks.say(pull, WRITER, "/dagbranch schedules on"),
    }
    chat = pull.comment(READER, "Nice! Try /dagbranch remove some day")
    talks.wait(lambda: _is_scheduled(talks, pages["opened"].environment), "the schedule is on")
    pages["scheduled"] = talks.told(pull, "success")
    said["remove"] = talks.say(pull, WRITER, "/dagbranch remove")
    talks.wait(lambda: talks.record(pull).status == Status.REMOVED, "the environment is removed")
    pages["removed"] = talks.told(pull, "neutral")
    said["deploy"] = talks.say(pull, WRITER, "/dagbranch deploy")
    pages["again"] = talks.told(pull, "success")
    return Act(pages, {**said, "chat": chat}, {})


def _is_scheduled(talks: Talks, environment: Environment) -> bool:
    (found,) = observation.dags(talks.stack, environment.claimed_name)
    return found.schedule not in {None, "None", "Never, external triggers only"}


def _forced(talks: Talks) -> Act:
    """Another history while the first is being deployed."""
    pull = talks.open("rewritten", dag("a first thought"))
    talks.wait(lambda: pull.checks().get(CHECK) is not None, "the first commit is under way")
    pull.force_push(dag("another thought"), "Begin anew")
    return Act({"forced": talks.told(pull, "success")}, {}, {})


@with_app
def test_a_good_pull_request_is_told_to_be_ready_with_a_link_into_airflow(acts: dict[str, Act], told: Told) -> None:
    page = acts["good"]["opened"]

    assert page.comment.startswith(MARKER)
    assert "1 DAG in Airflow" in page.comment
    assert f"https://{told.stack.mwaa.web_server}/dags?tags=good" in page.comment
    assert page.check.outcome == "success"
    deployment = page.deployments[page.environment.head_sha]
    assert (deployment.environment, deployment.state) == (CHECK, "success")
    assert deployment.url == f"https://{told.stack.mwaa.web_server}/dags?tags=good"
    assert deployment.record.transient_environment


@with_app
def test_pushes_that_follow_each_other_at_once_are_one_deploy_and_the_older_commits_are_told_to_be_over(
    acts: dict[str, Act],
) -> None:
    before, after = acts["good"]["opened"], acts["good"]["pushed"]

    assert after.environment.generation == before.environment.generation + 1
    assert after.deployments[before.environment.head_sha].state == "inactive"
    assert after.deployments[after.environment.head_sha].state == "success"
    assert after.environment.head_sha[:7] in after.comment
    assert before.environment.head_sha[:7] not in after.comment


@with_app
def test_there_is_one_comment_of_ours_on_each_pull_request(acts: dict[str, Act]) -> None:
    for act in acts.values():
        assert {len(page.comments) for page in act.pages.values()} == {1}


@with_app
def test_no_check_stays_under_way(acts: dict[str, Act]) -> None:
    for name, act in acts.items():
        last = list(act.pages.values())[-1]
        assert {one.status for one in last.checks.values()} == {"completed"}, name


@with_app
def test_an_import_error_is_red_at_its_file_and_line_and_green_when_it_is_mended(acts: dict[str, Act]) -> None:
    broken, mended = acts["broken"]["broken"], acts["broken"]["mended"]

    (annotation,) = broken.check.annotations
    assert (annotation.path, annotation.start_line) == ("dags/qu/broken.py", 4)
    assert "NO SUCH VARIABLE" in annotation.message
    assert "dags/qu/broken.py:4" in broken.comment
    assert broken.deployments[broken.environment.head_sha].state == "failure"
    assert mended.check.outcome == "success"
    assert mended.check.annotations == ()
    assert "NO SUCH VARIABLE" not in mended.comment


@with_app
def test_a_mistake_in_dagbranch_yaml_is_red_at_its_line(acts: dict[str, Act]) -> None:
    page = acts["misspelled"]["misspelled"]

    (annotation,) = page.check.annotations
    assert (annotation.path, annotation.start_line) == ("dagbranch.yaml", 3)
    assert "retires" in page.comment


@with_app
def test_nothing_of_a_fork_is_deployed_until_somebody_who_may_push_asks_for_that_commit(
    acts: dict[str, Act],
) -> None:
    act = acts["fork"]
    line = f"/dagbranch deploy {act['opened'].environment.head_sha}"

    for step in ("opened", "asked in vain"):
        assert act[step].environment.status == Status.REFUSED
        assert act[step].environment.name is None
        assert act[step].deployments == {}
        assert line in act[step].comment
    assert _reactions(act, "stranger", "reader") == ["-1", "-1"]
    assert _reactions(act, "no commit", "another commit", "approved") == ["confused", "confused", "eyes"]
    assert act["approved"].environment.status == Status.READY
    assert act["approved"].check.outcome == "success"


@with_app
def test_the_next_push_to_a_fork_needs_to_be_asked_for_anew(acts: dict[str, Act]) -> None:
    approved, pushed = acts["fork"]["approved"], acts["fork"]["pushed"]

    assert approved.environment.head_sha not in pushed.check.head_sha
    assert f"/dagbranch deploy {pushed.check.head_sha}" in pushed.comment
    assert pushed.check.head_sha not in {one for one, view in pushed.deployments.items() if view.state == "success"}


@with_app
def test_a_label_keeps_a_pull_request_from_having_an_environment_for_as_long_as_it_is_there(
    acts: dict[str, Act],
) -> None:
    labelled, unlabelled = acts["labelled"]["labelled"], acts["labelled"]["unlabelled"]

    assert EXCEPT_LABEL in labelled.comment
    assert labelled.environment.name is None
    assert unlabelled.environment.status == Status.READY


@with_app
def test_a_draft_is_told_that_it_gets_one_when_it_is_ready_for_review(acts: dict[str, Act]) -> None:
    draft, ready = acts["draft"]["draft"], acts["draft"]["ready"]

    assert "draft" in draft.comment
    assert draft.environment.name is None
    assert ready.environment.status == Status.READY


@with_app
def test_a_command_is_seen_and_answered_by_the_right_of_who_gave_it(acts: dict[str, Act]) -> None:
    act = acts["commands"]

    assert _reactions(act, "status", "keep", "schedules", "remove", "deploy") == ["eyes"] * 5
    assert _reactions(act, "unknown", "reader") == ["confused", "-1"]
    assert act.said["chat"].reactions == []
    assert "its DAGs are to run on their schedules" in act["scheduled"].comment


@with_app
def test_what_people_write_is_repeated_as_code_alone(acts: dict[str, Act]) -> None:
    """In a span of code GitHub mentions nobody, and formats nothing."""
    words, comment = acts["commands"].said["unknown"].body, acts["commands"]["scheduled"].comment

    assert comment.count(f"`{words}`") == comment.count("@zalando/all") == 1


@with_app
def test_commands_do_what_they_say(acts: dict[str, Act]) -> None:
    act = acts["commands"]

    assert act["scheduled"].environment.is_kept
    assert act["scheduled"].environment.schedules is True
    assert act["removed"].environment.status == Status.REMOVED
    assert act["removed"].check.outcome == "neutral"
    assert {one.state for one in act["removed"].deployments.values()} == {"inactive"}
    assert act["again"].environment.status == Status.READY
    assert act["again"].environment.head_sha == act["removed"].environment.head_sha


@with_app
def test_a_force_push_in_the_middle_leaves_only_the_newest_commit_told(acts: dict[str, Act]) -> None:
    page = acts["forced"]["forced"]

    assert page.check.outcome == "success"
    assert page.environment.head_sha[:7] in page.comment
    others = {sha: view.state for sha, view in page.deployments.items() if sha != page.environment.head_sha}
    assert set(others.values()) <= {"inactive"}


@with_app
def test_a_merge_queue_is_told_at_once_what_the_pull_request_has_proven(acts: dict[str, Act]) -> None:
    assert acts["good"].groups["ready"].outcome == "success"
    assert acts["broken"].groups["failed"].outcome == "failure"


@with_app
def test_every_token_was_for_one_repository_and_for_the_rights_of_one_function(
    told: Told, acts: dict[str, Act]
) -> None:
    assert told.stack.app is not None
    tokens = told.stack.app.tokens

    assert tokens
    assert {len(token.repository_ids or ()) for token in tokens} == {1}
    writing = [set(token.permissions) for token in tokens if "write" in token.permissions.values()]
    assert all("contents" not in one for one in writing)


@with_token
def test_with_a_token_a_status_stands_for_the_check(told: Told) -> None:
    pull = told.opened["feature2"].pull

    assert pull.statuses()[CHECK].state == "success"
    assert [one.body.startswith(MARKER) for one in pull.comments] == [True]


def _reactions(act: Act, *said: str) -> list[str]:
    return [content for one in said for _, content in act.said[one].reactions]


@with_app
def test_all_that_github_was_told_and_answered_is_of_its_published_form(
    acts: dict[str, Act],
    exchanges: list[Exchange],
) -> None:
    recorded = list(exchanges)

    assert {one.method for one in recorded} >= {"GET", "POST", "PATCH"}
    assert (faults_sent(recorded), faults_answered(recorded)) == ([], [])
