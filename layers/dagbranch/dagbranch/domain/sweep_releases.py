"""What the sweep asks for of a release lane's environments, which GitHub's pull requests say nothing of.

Whether a newer commit is to come, ``promote_release`` decides; here, what once stood as it should is to stand so again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.policy import Policy, reason_to_end
from dagbranch.domain.release_drift import drift_of
from dagbranch.domain.sweep_truths import Action, Truths, about, is_stuck


def release_actions(truths: Truths, policy: Policy, now: datetime) -> Iterator[Action]:
    """Nothing is asked for while the stack is paused, or of a repository that is not on its list any more.

    Airflow's rows are looked at as those of previews are.
    """
    releases = {one.repository_id: one for one in truths.environments if one.pull_number == RELEASE}
    for one in sorted(truths.environments, key=lambda one: one.key):
        if not one.is_of_a_release or not one.is_live or one.status == Status.REMOVING:
            continue
        if (why := reason_to_end(one, releases.get(one.repository_id))) is not None:
            yield about(one, "remove", why)
        elif policy.is_paused or not truths.has_read(one.repository):
            continue
        elif is_stuck(one, now):
            yield about(one, "request", f"it got stuck at {one.status}")
        elif (why := _drift(one, truths)) is not None:
            yield about(one, "request", why)


def releases_off_the_list(truths: Truths) -> Iterator[str]:
    """Production does not go because of a parameter: a person has to ask for its removal."""
    for one in truths.environments:
        if one.is_of_a_release and one.is_live and not truths.has_read(one.repository):
            yield f"{one.name} is of {one.repository}, which is not on this stack's list any more"


def _drift(environment: Environment, truths: Truths) -> str | None:
    """Of one all of which stood."""
    stands = truths.releases.get(environment.name or "")
    return drift_of(environment, stands) if stands is not None and environment.status == Status.READY else None
