"""Which pull requests get an environment: what ``previews`` in the default branch's ``dagbranch.yaml`` says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.path_expressions import matches
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile

_MOST_NAMED: Final = 5


def reason_to_skip(
    pull: PullRequest,
    existing: Environment | None,
    pipeline_file: PipelineFile | None,
    approved: Collection[str | None] = (),
) -> str | None:
    """Why this pull request gets no environment, in words for its author; None where it gets one, or keeps it.

    ``pipeline_file`` is the default branch's, None where nobody can tell what it says: then a draft gets none.
    A change of no pipeline is a reason of its own (``reason_of_paths``). ``approved``: commits that may be deployed
    beside the one on record, of a fork.
    """
    if pull.is_from_a_fork:
        return _reason_to_wait_for_approval(pull, {*approved, existing.approved if existing else None})
    if pipeline_file is None:
        return _reason_of_draft(pull, existing, PipelineFile(version=1))
    return (
        _reason_of_labels(pull, pipeline_file)
        or _reason_of_draft(pull, existing, pipeline_file)
        or _of_base(pull, pipeline_file)
    )


def asks_for_paths(pull: PullRequest, existing: Environment | None, pipeline_file: PipelineFile) -> bool:
    """Whether what the pull request changes decides; not of a commit that stands, nor of one that somebody approved."""
    if pull.is_from_a_fork or "*" in pipeline_file.previews.paths:
        return False
    is_settled = existing is not None and existing.is_live and existing.head_sha == pull.head_sha
    return not is_settled or (existing is not None and existing.unwanted != "")


def reason_of_paths(
    changed_paths: Collection[str] | None, pipeline_file: PipelineFile, linked: Collection[str] | None = ()
) -> str | None:
    """``linked``: what lies elsewhere and is packaged by a link. Paths that nobody knows (None) may be any."""
    if changed_paths is None or linked is None:
        return None
    if any(_counts(path, pipeline_file) or _is_below(path, linked) for path in changed_paths):
        return None
    return _paths_in_words(pipeline_file)


def is_turned_away(environment: Environment, pull: PullRequest, pipeline_file: PipelineFile | None) -> bool:
    """Whether the record says already, of this very commit, why the pull request gets nothing.

    Where nobody can tell what the default branch says, what it was refused for stands.
    """
    if environment.status != Status.REFUSED or environment.head_sha != pull.head_sha:
        return False
    reason = reason_to_skip(pull, environment, pipeline_file)
    if reason is None:
        return pipeline_file is None or environment.message == _paths_in_words(pipeline_file)
    return environment.message == reason


def _reason_to_wait_for_approval(pull: PullRequest, approved: Collection[str | None]) -> str | None:
    if pull.head_sha in approved:
        return None
    return (
        "the pull request comes from another repository: code of a fork is deployed to the shared server only when "
        f"somebody with write access comments, for exactly this commit: /dagbranch deploy {pull.head_sha}"
    )


def _reason_of_labels(pull: PullRequest, pipeline_file: PipelineFile) -> str | None:
    previews = pipeline_file.previews
    labels = {label.lower() for label in pull.labels}
    if previews.except_label is not None and previews.except_label.lower() in labels:
        return f"the label {previews.except_label!r} keeps the pull request from having an environment"
    if previews.label is not None and previews.label.lower() not in labels:
        return f"only pull requests with the label {previews.label!r} get an environment"
    return None


def _reason_of_draft(pull: PullRequest, existing: Environment | None, pipeline_file: PipelineFile) -> str | None:
    if not pull.is_draft or pipeline_file.previews.drafts or (existing is not None and existing.is_live):
        return None
    return "the pull request is a draft: mark it as ready for review to get an environment"


def _of_base(pull: PullRequest, pipeline_file: PipelineFile) -> str | None:
    bases = pipeline_file.previews.bases or (pull.default_branch,)
    if any(matches(pattern, pull.base_ref) for pattern in bases):
        return None
    return (
        f"pull requests into {pull.base_ref[:100]!r} get no environment, only those into {_listed(bases)} "
        f"(previews.bases in {PIPELINE_FILE} on {pull.default_branch})"
    )


def _counts(path: str, pipeline_file: PipelineFile) -> bool:
    patterns = pipeline_file.previews.paths
    return any(matches(pattern, path) for pattern in patterns) if patterns else pipeline_file.kept(path)


def _is_below(path: str, places: Collection[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in places)


def _paths_in_words(pipeline_file: PipelineFile) -> str:
    counted = pipeline_file.previews.paths or (*pipeline_file.packaged, PIPELINE_FILE)
    return f"the pull request changes no pipeline: nothing in {_listed(counted)}"


def _listed(names: Iterable[str]) -> str:
    known = [name[:100] for name in names]
    more = [f"{len(known) - _MOST_NAMED} more"] if len(known) > _MOST_NAMED else []
    return ", ".join([*known[:_MOST_NAMED], *more])
