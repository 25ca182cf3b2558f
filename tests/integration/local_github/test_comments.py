"""Comments and reactions, of people and of an App, through the unmodified PyGithub."""

from __future__ import annotations

import pytest
from github import (
    Github,
    GithubException,
)

from local.github import GitHubApp, LocalGitHub, Pull
from local.github.published_schemas import faults_sent
from local.processes import wait_until
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import ask

COMMENTS = "/repos/acme/pipelines/issues/1/comments"


def test_a_comment_is_made_and_edited_in_place(app_client: Github, app: GitHubApp, pull: Pull) -> None:
    seen = app_client.get_repo("acme/pipelines").get_pull(1)

    made = seen.create_issue_comment("It is being made")
    made.edit("It is ready")

    assert [(one.author.login, one.body) for one in pull.comments] == [(app.login, "It is ready")]
    assert [one.id for one in seen.get_issue_comments()] == [made.id]
    assert seen.get_issue_comment(made.id).user.type == "Bot"


def test_comments_come_in_pages_oldest_first(client: Github, pull: Pull) -> None:
    for number in range(5):
        pull.comment("reader", f"Number {number}", deliver=False)
    client.per_page = 2

    listed = client.get_repo("acme/pipelines").get_pull(1).get_issue_comments()

    assert [one.body for one in listed] == [f"Number {number}" for number in range(5)]
    assert listed.totalCount == 5


def test_a_deleted_comment_is_gone(client: Github, pull: Pull) -> None:
    comment = pull.comment("reader", "Never mind")
    found = client.get_repo("acme/pipelines").get_pull(1).get_issue_comment(comment.id)

    found.delete()

    assert pull.comments == []
    with pytest.raises(GithubException) as refused:
        found.edit("Still there?")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b'{"body": "' + b"x" * 65_536 + b'"}', 201, ""),
        (b'{"body": "' + b"x" * 65_537 + b'"}', 422, "Body is too long (maximum is 65536 characters)"),
        (b'{"body": " "}', 422, "missing_field"),
        (b'{"body": null}', 422, "nil is not a string"),
        (b'{"text": "x"}', 422, "t supplied"),
        (b'{"body": "x", "bodies": 1}', 422, "is not a permitted key"),
        (b'{"body": "x"', 400, "Problems parsing JSON"),
        (b"[]", 400, "Body should be a JSON object"),
    ],
    ids=["longest", "too long", "blank", "null", "other key", "unknown key", "no JSON", "no object"],
)
def test_what_is_no_comment_is_refused_in_githubs_words(
    double: LocalGitHub, pull: Pull, sent: bytes, status: int, words: str
) -> None:
    answer = ask(double, "POST", COMMENTS, data=sent)

    assert answer.status_code == status
    assert words in str(answer.json())
    assert len(pull.comments) == (status == 201)


def test_a_comment_that_is_not_there_is_404(double: LocalGitHub, pull: Pull) -> None:
    assert ask(double, "POST", "/repos/acme/pipelines/issues/9/comments", json={"body": "x"}).status_code == 404
    assert ask(double, "PATCH", "/repos/acme/pipelines/issues/comments/9", json={"body": "x"}).status_code == 404


def test_a_person_without_the_right_to_push_may_not_edit_what_others_wrote(
    double: LocalGitHub, client: Github, pull: Pull
) -> None:
    comment = pull.comment("reader", "Mine")
    double.site.token_owner = "stranger"

    found = client.get_repo("acme/pipelines").get_pull(1).get_issue_comment(comment.id)

    with pytest.raises(GithubException) as refused:
        found.edit("Yours")
    assert refused.value.status == 403
    assert comment.body == "Mine"


def test_a_reaction_is_there_once_however_often_it_is_made(app_client: Github, app: GitHubApp, pull: Pull) -> None:
    comment = pull.comment("reader", "/dagbranch status")
    found = app_client.get_repo("acme/pipelines").get_pull(1).get_issue_comment(comment.id)

    first, second = found.create_reaction("eyes"), found.create_reaction("eyes")
    found.create_reaction("rocket")
    found.delete_reaction(first.id)

    assert first.id == second.id
    assert comment.reactions == [(app.login, "rocket")]
    assert [one.content for one in found.get_reactions()] == ["rocket"]


def test_a_reaction_that_github_does_not_know_is_refused(double: LocalGitHub, pull: Pull) -> None:
    comment = pull.comment("reader", "/dagbranch status")

    answer = ask(
        double, "POST", f"/repos/acme/pipelines/issues/comments/{comment.id}/reactions", json={"content": "thumbs"}
    )

    assert answer.status_code == 422
    assert comment.reactions == []


def test_what_people_write_is_told_before_the_call_returns(receiver: Receiver, pull: Pull) -> None:
    comment = pull.comment("reader", "/dagbranch status")
    comment.edit("/dagbranch deploy")
    withheld = pull.comment("reader", "Lost", deliver=False)
    comment.delete()

    assert len(receiver.of("issue_comment")) == 3
    assert withheld.delivery.sent_at is None
    assert comment.delivery.action == "deleted"


def test_what_an_app_writes_is_told_too_and_names_the_app(
    double: LocalGitHub, receiver: Receiver, app_client: Github, app: GitHubApp, pull: Pull
) -> None:
    app_client.get_repo("acme/pipelines").get_pull(1).create_issue_comment("Ready")

    wait_until(lambda: len(receiver.of("issue_comment")) == 1, what="the webhook of the comment", deadline_seconds=10)
    payload = double.deliveries[-1].payload
    assert (payload["sender"]["login"], payload["sender"]["type"]) == (app.login, "Bot")
    assert payload["comment"]["performed_via_github_app"]["id"] == app.app_id
    assert payload["installation"]["id"] in double.site.state.apps.installations


def test_what_pygithub_sends_is_valid_by_githubs_schemas(double: LocalGitHub, app_client: Github, pull: Pull) -> None:
    made = app_client.get_repo("acme/pipelines").get_pull(1).create_issue_comment("Ready")
    made.edit("Steady")
    made.create_reaction("eyes")

    assert double.site.exchanges is not None
    assert faults_sent(double.site.exchanges) == []
