"""What follows from a judgement, done so that it can be done again: the archive goes to the next lane, all are told."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain import audit
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Judged, Release, settled
from dagbranch.errors import InvalidPipelineError, SourceError, SupersededError
from dagbranch.use_cases.gather_gates import Archive, key_of, read_archive
from dagbranch.use_cases.promotion_work import Promoter


def settle(release: Release, by: Promoter, archive: Archive | None = None) -> Release:
    """The ledger's line after that. A judgement that nothing followed from yet, of a worker that died, is as good."""
    assert release.judged is not None, "nothing was judged"
    if release.judged.verdict == "promoted":
        release = _handed_over(release, release.judged, by, archive)
    entry = audit.judged(release, by.lane)
    if entry is not None:
        by.note([entry])
        by.telemetry.count("Promoted" if entry.deed == "promoted" else "PromotionRefused")
    by.have_judgement_told(release)
    return by.releases.save(settled(release))


def refuse_here(asked: AskedDeployment, release: Release, why: str, by: Promoter) -> Release:
    """The ledger's line after this lane itself has refused a deployment to it.

    Told as what the gates say is, but where the commit is at those to the next lane.
    """
    judged = release.judged
    if judged is not None and judged.target != by.lane:
        by.telemetry.warning("refused", reason=why, deployment_id=asked.id)
        return release
    if judged is None or judged.deployment_id != asked.id:
        by.telemetry.warning("refused", reason=why, deployment_id=asked.id)
        is_canary = asked.wish.canary is not None
        judged = Judged(asked.id, by.lane, asked.creator, by.now, "refused", message=why, is_canary=is_canary)
        release = by.releases.save(replace(release, judged=judged))
    return release if judged.is_settled else settle(release, by)


def _handed_over(release: Release, judged: Judged, by: Promoter, archive: Archive | None) -> Release:
    try:
        _put(_promotion(release, judged, by.lane), archive or read_archive(key_of(release), by), by)
    except (SourceError, SupersededError) as error:
        by.telemetry.warning("not promoted", reason=str(error))
        return by.releases.save(replace(release, judged=replace(judged, verdict="refused", message=str(error))))
    by.telemetry.info("promoted", target=judged.target, canary=judged.is_canary)
    return release


def _promotion(release: Release, judged: Judged, lane: str) -> Promotion:
    """Always the same of the same judgement. Raises InvalidPipelineError where the zip is not on record."""
    if release.source_digest is None or release.zip_sha256 is None or release.version is None:
        raise InvalidPipelineError(f"{lane} has not noted the sha256 of its zip: have it deployed there again")
    return Promotion(
        repository_id=release.repository_id,
        repository=release.repository,
        head_sha=release.head_sha,
        source_digest=release.source_digest,
        zip_sha256=release.zip_sha256,
        version=release.version,
        source=lane,
        target=judged.target,
        is_canary=judged.is_canary,
        deployment_id=judged.deployment_id,
        by=judged.by,
        at=judged.at,
        skipped=tuple(gate.name for gate in judged.gates if gate.outcome == "skipped"),
    )


def _put(promotion: Promotion, archive: Archive, by: Promoter) -> None:
    if by.next_bucket is None or by.signer is None:
        raise InvalidPipelineError(f"there is no bucket of {promotion.target} yet: NextLaneSourceBucketName is empty")
    by.next_bucket.put(by.signer.sign(str(promotion)), promotion.key, archive.content)
