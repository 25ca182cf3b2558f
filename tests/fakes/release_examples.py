"""A promotion, a deployment and a record of a release lane in the tests' story."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import AskedDeployment
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, an_environment


def a_promotion(**different: Any) -> Promotion:
    usual = Promotion(
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        head_sha=FIRST,
        source_digest="d" * 64,
        zip_sha256="e" * 64,
        version="0.1.0",
        source="stage",
        target="prod",
        is_canary=False,
        deployment_id=17,
        by="alice",
        at=NOW,
    )
    return replace(usual, **different)


def a_deployment(**different: Any) -> AskedDeployment:
    usual = AskedDeployment(
        id=17,
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        environment="prod",
        head_sha=FIRST,
        creator="alice",
        is_of_a_workflow=False,
        created_at=NOW,
    )
    return replace(usual, **different)


def a_release_record(**different: Any) -> Environment:
    return an_environment(
        **{"pull_number": RELEASE, "lane": "stage", "branch": "main", "name": "stage_pipelines", **different}
    )
