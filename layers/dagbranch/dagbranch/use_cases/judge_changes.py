"""What a pull request changes → whether any of it is a pipeline, by what the default branch packages or names."""

from __future__ import annotations

from collections.abc import Callable

from dagbranch.domain.checkout import kept_links, linked_paths
from dagbranch.domain.eligibility import reason_of_paths
from dagbranch.domain.environments import PullRequest
from dagbranch.domain.specification import PipelineFile
from dagbranch.errors import SourceError, UpstreamError, is_for_good
from dagbranch.use_cases.intake_work import Fetcher


def reason_to_skip_changes(pull: PullRequest, said: PipelineFile, by: Fetcher) -> str | None:
    """Why these changes need no environment; None where they do, or where nobody can tell what they are.

    What is packaged by a link, and lies elsewhere, is looked for only where nothing else has changed.
    """
    changed = _told(lambda: by.github.changed_paths(pull.repository, pull.number), by)
    reason = reason_of_paths(changed, said)
    if reason is None or said.previews.paths:
        return reason
    return reason_of_paths(changed, said, _told(lambda: _linked(pull, said, by), by))


def _linked(pull: PullRequest, said: PipelineFile, by: Fetcher) -> frozenset[str]:
    links = kept_links(by.github.tree(pull.repository, pull.head_sha, *said.folders), said.kept)
    shas = {link.sha for link in links}
    return linked_paths(links, {sha: by.github.blob(pull.repository, sha).decode("utf-8", "replace") for sha in shas})


def _told(ask: Callable[[], frozenset[str] | None], by: Fetcher) -> frozenset[str] | None:
    """None where GitHub cannot tell, for good."""
    try:
        return ask()
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        by.telemetry.warning("what the pull request changes cannot be told", reason=str(error))
        return None
