"""The only place where environment names, object keys, registry keys and schema names are derived.

DAG ids are rewritten by the runtime inside each packaged DAG, which can import nothing of this.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from dagbranch.errors import InvalidEventError, SourceError

PREVIEW = "preview"
RELEASE_LANES = ("stage", "prod")
LANES = (PREVIEW, *RELEASE_LANES)
# Instead of a pull request's number, which GitHub counts from 1, in a release lane:
RELEASE = 0  # the repository's permanent environment
CANARY = -1  # the one beside it, that a new commit is tried in
NEXT = "next"  # what a canary has in its name, in its DAGs' ids and at the end of its schemas
RESERVED_NAMES = frozenset(
    {
        *LANES,
        NEXT,
        "test",
        "live",
        # Airflow and Python execute files of these names where they stand on the path of a server.
        "airflow_local_settings",
        "sitecustomize",
        "usercustomize",
        "dags",
        "plugins",
    }
)

_LONGEST_BASE_NAME = 24
_HASH_LENGTH = 6
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.{1,2}\Z)[A-Za-z0-9._-]+")
_SHA = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OF_A_LANE = {RELEASE: "release", CANARY: "canary"}  # in keys, where a pull request's have its number
_LANE_NUMBERS = {word: number for number, word in _OF_A_LANE.items()}


def folder_prefix(folder: str) -> str:
    """What the paths of a repository's folder begin with: nothing for the root, however it is written."""
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    return "".join(f"{part}/" for part in parts)


def environment_name_candidates(
    branch: str, pull_number: int, repository: str, reserved: frozenset[str] = RESERVED_NAMES
) -> tuple[str, ...]:
    """The names that this pull request may claim, best first; a reserved one is not among them.

    Each is a function of the pull request alone, so that a loser's name does not depend on who won.
    """
    base = _base_name(branch) or f"pr_{pull_number}"
    numbered = f"{base}_{pull_number}"
    candidates = (base, numbered, f"{numbered}_{_short_hash(repository)}")
    return tuple(name for name in candidates if name not in reserved)


def release_name_candidates(
    lane: str, repository: str, number: int, reserved: frozenset[str] = RESERVED_NAMES
) -> tuple[str, ...]:
    """The names that a repository's environment may claim in a release lane; ``number`` is RELEASE or CANARY."""
    base = _base_name(repository.partition("/")[2]) or "repository"
    end = "" if number == RELEASE else f"_{NEXT}"
    candidates = (f"{lane}_{base}{end}", f"{lane}_{base}_{_short_hash(repository)}{end}")
    return tuple(name for name in candidates if name not in reserved)


def environment_name(branch: str, pull_number: int | None = None) -> str:
    """The name that a branch gets where nobody claimed it before.

    Raises SourceError where only a pull number could tell the name: a reserved one, or one without any letter or digit.
    """
    if pull_number is not None:
        return environment_name_candidates(branch, pull_number, repository="")[0]
    name = _base_name(branch)
    if not name or name in RESERVED_NAMES:
        raise SourceError(
            f"the branch {branch!r} gives {'a reserved name' if name else 'no name'}: "
            "its environment is named with its pull request's number (--pull-number)"
        )
    return name


def is_environment_name(text: str) -> bool:
    return _ENVIRONMENT.fullmatch(text) is not None


def is_repository_name(text: str) -> bool:
    return _REPOSITORY.fullmatch(text) is not None


def is_commit_sha(text: str) -> bool:
    """A whole commit id, or the beginning of one that a person would type."""
    return re.fullmatch(r"[0-9a-f]{7,40}", text) is not None


def schema_name(schema: str, environment: str, table_suffix: str = "_{environment}") -> str:
    """``db_attribution`` in the environment ``feature1`` is ``db_attribution_feature1``."""
    return schema + table_suffix.replace("{environment}", environment)


@dataclass(frozen=True)
class SourceArchiveKey:
    """Where a source archive lies in the source bucket, and so which commit of which pull request it is for.

    ``pull_number`` is RELEASE or CANARY for that of a release lane.
    """

    repository: str
    pull_number: int
    head_sha: str
    source_digest: str

    def __str__(self) -> str:
        return f"{source_prefix(self.repository, self.pull_number)}{self.head_sha}/{self.source_digest}.zip"

    @classmethod
    def parse(cls, key: str) -> SourceArchiveKey:
        """Raises InvalidEventError for any other key: an upload elsewhere is not a request."""
        match key.split("/"):
            case ["sources", owner, name, "pull", number, sha, file] if number.isdecimal() and number.isascii():
                parsed = cls._of(owner, name, int(number), sha, file)
            case ["sources", owner, name, word, sha, file] if word in _LANE_NUMBERS:
                parsed = cls._of(owner, name, _LANE_NUMBERS[word], sha, file)
            case _:
                parsed = None
        if parsed is not None and str(parsed) == key:
            return parsed
        raise InvalidEventError(
            f"{key!r} is no source archive's key: expected sources/<owner>/<repository>/<pull/number, release or "
            "canary>/<head_sha>/<source digest>.zip"
        )

    @classmethod
    def _of(cls, owner: str, name: str, pull_number: int, head_sha: str, file: str) -> SourceArchiveKey | None:
        digest = file.removesuffix(".zip")
        is_one = _SHA.fullmatch(head_sha) and _DIGEST.fullmatch(digest) and is_repository_name(f"{owner}/{name}")
        return cls(f"{owner}/{name}", pull_number, head_sha, digest) if is_one else None


def source_prefix(repository: str, pull_number: int) -> str:
    """All source archives of one pull request, or of one environment of a release lane."""
    return f"sources/{repository}/{_OF_A_LANE.get(pull_number) or f'pull/{pull_number}'}/"


def whose(repository: str, pull_number: int) -> str:
    """In words: ``acme/shop, pull request 7`` or ``acme/shop's release``."""
    word = _OF_A_LANE.get(pull_number)
    return f"{repository}'s {word}" if word else f"{repository}, pull request {pull_number}"


def zip_key(dags_path: str, environment: str) -> str:
    return f"{dags_path}/{environment}.zip"


def copy_prefix(dags_path: str, environment: str) -> str:
    """The unpacked copy, with the configuration in it."""
    return f"{dags_path}/{environment}/"


def configuration_key(dags_path: str, environment: str, source_digest: str) -> str:
    return f"{copy_prefix(dags_path, environment)}{CONFIGURATION_FOLDER}/{source_digest}.json"


def copy_index_key(dags_path: str, environment: str) -> str:
    """What dagbranch last put into the copy: each file's ETag and digest (an ETag alone is no digest under KMS)."""
    return f"{copy_prefix(dags_path, environment)}{CONFIGURATION_FOLDER}/copy.json"


CONFIGURATION_FOLDER = ".dagbranch"


def artifacts_prefix(artifacts_path: str, environment: str) -> str:
    """All job code of one environment."""
    return f"{artifacts_path}/{environment}/"


def artifact_prefix(artifacts_path: str, environment: str, digest: str, name: str) -> str:
    """One folder of job code in one version of its files."""
    return f"{artifacts_prefix(artifacts_path, environment)}{digest}/{name}/"


def pull_request_key(repository_id: int, pull_number: int) -> str:
    """The registry's partition of one pull request, or of one environment of a release lane."""
    return f"repo#{repository_id}#{_OF_A_LANE.get(pull_number) or f'pull#{pull_number}'}"


def repository_key(repository_id: int) -> str:
    """The registry's partition of what is known of a whole repository."""
    return f"repo#{repository_id}"


def ledger_key(repository_id: int) -> str:
    """The registry's partition of a repository's releases."""
    return f"repo#{repository_id}#ledger"


def lane_key(lane: str) -> str:
    """The registry's partition of what is known of a whole lane."""
    return f"lane#{lane}"


def audit_key(lane: str) -> str:
    """The registry's partition of who did what in a lane."""
    return f"lane#{lane}#audit"


def name_key(environment: str) -> str:
    """The registry's partition of the claim on a name."""
    return f"name#{environment}"


def report_lease(repository_id: int, pull_number: int) -> str:
    """The name of the lease by which one worker at a time tells of a pull request, or of a release, at GitHub."""
    return f"report {repository_id}#{pull_number}"


def lease_key(name: str) -> str:
    """The registry's partition of a lease that the whole stack shares."""
    return f"lease#{name}"


def commit_tag(head_sha: str) -> str:
    """The tag that tells, in Airflow, of which commit a DAG is."""
    return f"commit:{head_sha[:7]}"


def _base_name(branch: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")
    if len(name) <= _LONGEST_BASE_NAME:
        return name
    kept = name[: _LONGEST_BASE_NAME - _HASH_LENGTH - 1].rstrip("_")
    return f"{kept}_{_short_hash(branch)}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
