"""What lies outside of the process, as the use cases see it. Adapters implement these; tests have fakes of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.audit import AuditEntry
from dagbranch.domain.checkout import TreeEntry
from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.fence import Fence
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.ownership import Owner
from dagbranch.domain.promotion import Promotion, SignedPromotion
from dagbranch.domain.questions import Question
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release
from dagbranch.domain.reports import Check, Deployment, Reaction, ReleaseStatus, Reported
from dagbranch.domain.requests import SeedRequest
from dagbranch.domain.requirements import Requirement
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_archive import Limits
from dagbranch.domain.statements import Statement
from dagbranch.domain.warehouse_state import FoundSchema, Grant, TableDetails


class GitHub(Protocol):
    """Read access to repositories that the stack lists."""

    def pull_request(self, repository: str, pull_number: int) -> PullRequest | None:
        """None where it, or its repository, is not there."""

    def open_pull_requests(self, repository: str) -> Sequence[PullRequest]: ...

    def file(self, repository: str, ref: str, path: str) -> bytes | None:
        """``ref`` is a commit or, as in ``refs/heads/main``, a branch; None where it has no such file."""

    def tree(self, repository: str, head_sha: str, *folders: str) -> Mapping[str, TreeEntry]:
        """Every file, link and submodule of the commit by path; of a huge commit, those of the root and the folders."""

    def archive(
        self, repository: str, head_sha: str, wanted: frozenset[str], *, most_bytes: int, most_ratio: int
    ) -> Mapping[str, bytes]:
        """The wanted regular files as GitHub's own archive has them, by path, streamed.

        Raises UnsafeArchiveError where what is kept exceeds ``most_bytes``, or ``most_ratio`` times what was received.
        """

    def blob(self, repository: str, sha: str) -> bytes: ...

    def merge_base(self, repository: str, base_ref: str, head_sha: str) -> str | None:
        """The commit from which the two went apart; None where there is none, or the branch is gone."""

    def changed_paths(self, repository: str, pull_number: int) -> frozenset[str] | None:
        """What the pull request adds, changes, removes or renames (both names); None where GitHub does not list all."""

    def may_write(self, repository: str, login: str) -> bool:
        """Whether GitHub says at this moment that this person may push: admin, maintain or write."""

    def installation(self, repository: str) -> int | None:
        """The installation of our own GitHub App that has the repository; None where a token is used instead."""


@dataclass(frozen=True)
class DefaultBranch:
    repository_id: int
    repository: str
    name: str
    head_sha: str


class ReleasesAtGitHub(Protocol):
    """Read access to what GitHub says of branches, deployments and the checks of a commit."""

    def default_branch(self, repository: str) -> DefaultBranch | None:
        """None where the repository is not there, or has no commit."""

    def is_on_branch(self, repository: str, branch: str, head_sha: str) -> bool:
        """Whether that commit is the branch's head or one of its ancestors."""

    def deployment(self, repository: str, deployment_id: int) -> AskedDeployment | None: ...

    def newest_deployment(self, repository: str, environment: str) -> AskedDeployment | None:
        """The one that was made last for this environment, whatever became of it."""

    def commit_checks(self, repository: str, head_sha: str) -> Mapping[str, Literal["passed", "failed", "pending"]]:
        """Every check run and commit status of the commit by name, the newest of each.

        A check run passes as success, neutral or skipped.
        """


class GitHubReports(Protocol):
    """All that is ever written to GitHub. Each call can be repeated; what was deleted there is made anew."""

    def put_comment(self, repository: str, pull_number: int, text: str, comment_id: int | None) -> int:
        """Makes the one comment, or edits it, and returns its id; without an id, ours is looked for by its marker."""

    def put_check(self, repository: str, check: Check, check_id: int | None) -> int | None:
        """A check run's id, or None where the credentials only allow a commit status."""

    def put_deployment(self, repository: str, deployment: Deployment, deployment_id: int | None) -> int:
        """Its id; a state is told only where it differs from the last one."""

    def make_release(self, repository: str, environment: str, head_sha: str, description: str) -> int:
        """Makes the deployment of a commit to a release lane; returns its id."""

    def put_release_status(self, repository: str, status: ReleaseStatus) -> None:
        """Told only where it differs from the last one; returns also where the deployment is gone."""

    def react(self, repository: str, comment_id: int, reaction: Reaction) -> None:
        """Returns also where the comment is gone."""


class Reports(Protocol):
    """What stands at GitHub, in the registry's table beside the environment."""

    def get(self, repository_id: int, pull_number: int) -> Reported:
        """An empty one where nothing was ever told."""

    def save(self, reported: Reported) -> Reported:
        """Conditional on the revision it carries; kept for 90 days after its last write, and while it is written.

        Raises TransientUpstreamError where another writer came first.
        """


class PackageIndex(Protocol):
    def wheels(self, requirements: Sequence[Requirement], limits: Limits) -> Mapping[str, bytes]:
        """One pure wheel for each requirement, by file name, with one of its hashes.

        Raises InvalidRequirementsError for all that there is no such wheel for.
        """


class Registry(Protocol):
    """The table of environments. Every write is conditional on the revision that was read."""

    def get(self, repository_id: int, pull_number: int) -> Environment | None: ...

    def find(self, lane: str, repository: str, pull_number: int) -> Environment | None:
        """By the repository's name, as object keys carry it."""

    def all(self, lane: str) -> Iterator[Environment]: ...

    def claim(self, environment: Environment, names: Iterable[str], event: str) -> Environment:
        """Writes a new environment under the first of the names that is free, in one transaction with the claim."""

    def save(self, environment: Environment, event: str) -> Environment:
        """Writes the successor of the revision it carries, with a line of history; returns it with its new revision.

        Raises TransientUpstreamError where another writer came first.
        """

    def update(self, environment: Environment, change: Callable[[Environment], Environment], event: str) -> Environment:
        """Applies a pure change to the newest revision, again if another writer comes between."""

    def release(self, environment: Environment, event: str) -> Environment:
        """Like ``save``, and frees the claimed name in the same transaction.

        From then on its history is kept for 90 days; while an environment is live, nothing of it is dropped.
        """

    def noted_at(self, lane: str, what: str) -> datetime | None:
        """When something that is done once a day for the whole lane was last done."""

    def note(self, lane: str, what: str, at: datetime) -> None: ...

    def known_columns(self, repository_id: int, tables: Collection[str]) -> Mapping[str, frozenset[str]]:
        """The columns that masked tables had when this repository first used them, in lower case."""

    def remember_columns(self, repository_id: int, columns: Mapping[str, frozenset[str]]) -> None:
        """Keeps them for the tables that nothing is known of yet."""


class Releases(Protocol):
    """The ledger of a release lane, in the registry's table. Every write is conditional on the revision it carries."""

    def get(self, repository_id: int, head_sha: str) -> Release | None: ...

    def of(self, repository_id: int) -> Iterator[Release]:
        """All of them, in no order."""

    def save(self, release: Release) -> Release:
        """Raises TransientUpstreamError where another writer came first."""


class Audit(Protocol):
    """Append-only, kept for two years, in the registry's table."""

    def append(self, entry: AuditEntry) -> None:
        """The same entry twice is there once."""

    def entries(self, lane: str, since: datetime) -> Iterator[AuditEntry]:
        """The newest first."""


class Leases(Protocol):
    """What only one worker of the whole stack may do at a time, beside the work on a single environment."""

    def held(self, name: str, seconds: int) -> AbstractContextManager[None]:
        """Holds it for the block, or until that time is over. Raises NotYetError while somebody else holds it."""


@dataclass(frozen=True)
class StoredZip:
    """The zip as it lies in the bucket, with what its metadata says."""

    etag: str
    marker: Mapping[str, str]


class SourceBucket(Protocol):
    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None: ...

    def get(self, key: SourceArchiveKey, most_bytes: int) -> bytes:
        """Raises UnsafeArchiveError above ``most_bytes``, SupersededError where it is gone."""

    def remove(self, repository: str, pull_number: int, *, before: datetime | None = None) -> int:
        """Deletes every version of the pull request's archives, or those that had come by then; returns how many."""

    def promotion(self, key: SourceArchiveKey) -> SignedPromotion | None:
        """What the lane before has signed, as its metadata carries it; None where there is none, or no archive."""

    def announce(self, key: SourceArchiveKey) -> None:
        """Has the bucket tell of the archive as if it had just come. Raises SupersededError where it is gone."""


class NextLane(Protocol):
    """The next lane's source bucket, of which nothing can be read."""

    def put(self, promotion: SignedPromotion, key: SourceArchiveKey, archive: bytes) -> None: ...


class PromotionSigner(Protocol):
    def sign(self, text: str) -> SignedPromotion: ...


class PromotionVerifier(Protocol):
    def verified(self, signed: SignedPromotion | None) -> Promotion:
        """Raises PromotionRefusedError where there is none, or none of this stack's keys has signed it."""


class DagsBucket(Protocol):
    """The ``dags/`` folder of the MWAA bucket. ``marker`` is what our objects carry as metadata."""

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        """Whether no zip and no folder of that name is there that carries another marker, or none."""

    def zip(self, environment: str) -> StoredZip | None: ...

    def zip_content(self, environment: str) -> bytes: ...

    def copied(self, environment: str) -> Mapping[str, CopiedFile]:
        """The files of the copy that lie there now as dagbranch put them, by path within the copy."""

    def put_copy(
        self, environment: str, files: Mapping[str, bytes], kept: Mapping[str, CopiedFile], marker: Mapping[str, str]
    ) -> None:
        """Puts these files in parallel and notes them, with those kept, as what dagbranch put."""

    def put_configuration(
        self, environment: str, source_digest: str, content: bytes, marker: Mapping[str, str]
    ) -> None: ...

    def configuration(self, environment: str, source_digest: str) -> bytes | None: ...

    def put_zip(
        self, environment: str, content: bytes, marker: Mapping[str, str], *, replaces: StoredZip | None
    ) -> None:
        """Raises TransientUpstreamError where another zip was put since ``replaces`` was read."""

    def drop_copied(
        self, environment: str, paths: Iterable[str], marker: Mapping[str, str], *, keep_configurations: Sequence[str]
    ) -> None:
        """Removes, of what carries the marker, what a commit dropped and the configurations of other digests."""

    def remove_zip(self, environment: str, marker: Mapping[str, str]) -> int: ...

    def remove_copy(self, environment: str, marker: Mapping[str, str]) -> int:
        """Every version of every object of the copy that carries the marker; returns how many objects that were."""

    def left(self, environment: str) -> Sequence[str]:
        """The keys that are still there, whoever put them."""

    def standing(self, known: Collection[str]) -> Mapping[str, Owner | None]:
        """Every name that has a zip or a folder there, and looks like an environment's, with its owner by its marker.

        Of the ``known`` ones only whether their zip is there is asked: None. What has neither a marker nor the form of
        an unpacked copy is the server's own, and is not in the answer.
        """


class ArtifactsBucket(Protocol):
    """Job code, below one prefix per environment and version of its files. ``marker`` is what our objects carry."""

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        """Whether nothing lies below the environment's prefix that carries another marker, or none."""

    def put(self, environment: str, artifact: Artifact, marker: Mapping[str, str]) -> str:
        """Puts what is not there yet, in parallel; returns the folder's URI, without a slash at its end."""

    def drop(self, environment: str, marker: Mapping[str, str], *, keep: Collection[str] = ()) -> int:
        """Every version of what carries the marker, but for the folders with these URIs; returns how many objects."""

    def left(self, environment: str) -> Sequence[str]:
        """The keys that are still there, whoever put them."""


class EventBus(Protocol):
    def publish(self, detail_type: str, detail: Mapping[str, object]) -> None: ...

    def publish_all(self, events: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Detail-types with details, in as few requests as there can be."""

    def forward(self, event_name: str, payload: str, delivery: str) -> None:
        """A webhook's event, in the shape of AWS's quick start: source github.com, the payload as detail."""


@dataclass(frozen=True)
class Runs:
    """``dag_id/run_id``, or ``dag_id`` where runs cannot be told apart, of what was ended and of what still runs."""

    ended: tuple[str, ...] = ()
    still_running: tuple[str, ...] = ()


class Airflow(Protocol):
    """One server, through whichever of its doors is open."""

    @property
    def lists_let_go(self) -> bool:
        """Whether rows are listed whose zip Airflow has let go of, until they are deleted."""

    def pages(self) -> AirflowPages | None:
        """Where people look at it; None where it has no address."""

    def dags(self, environment: str | None = None) -> Sequence[ListedDag]:
        """The rows that carry the environment's tag, or all, inactive ones too where the door shows them."""

    def import_failures(self) -> Sequence[ImportFailure]: ...

    def succeeded(
        self, dag_ids: Collection[str], since: datetime, until: datetime | None = None
    ) -> Mapping[str, datetime]:
        """When the last successful run ended that began after ``since``, by DAG; one that has none is not in it.

        ``until``: it began before that, too: what another commit ran is not told.
        """

    def pause(self, dag_id: str) -> None:
        """Returns also where it is gone already."""

    def end_runs(self, dag_ids: Collection[str]) -> Runs:
        """Marks what runs or waits as failed, as far as the door can."""

    def delete_dag(self, dag_id: str) -> None:
        """Returns also where it is gone already; raises NotYetError while its tasks run."""


class Warehouse(Protocol):
    """Schemas and tables by full name; one that does not exist is not in an answer."""

    def schemas(self, names: Collection[str]) -> Mapping[str, FoundSchema]: ...

    def details(self, tables: Collection[str]) -> Mapping[str, TableDetails]: ...

    def marked_schemas(self, catalogs: Collection[str | None]) -> Mapping[str, SchemaMarker]:
        """All schemas of these catalogs whose comment is a marker, of any lane; None is the one without a catalog."""

    def grants(self, schemas: Collection[str]) -> Mapping[str, frozenset[Grant]]:
        """Each schema's own, not those of its catalog."""

    def partitions(self, question: Question) -> list[tuple[object, ...]]: ...

    def has_rows(self, question: Question) -> bool:
        """Raises UpstreamError where a table of it is not there."""

    def run(self, phases: Sequence[Sequence[Statement]], fence: Fence) -> None:
        """Runs the phases in order, the statements of each in any order; none before all have passed the fence.

        Raises UpstreamError, or TransientUpstreamError, that tells every failure of the phase and carries what ran.
        """


class SeedQueue(Protocol):
    def request(self, seed: SeedRequest) -> None:
        """Has one table seeded by a message of its own."""


class Telemetry(Protocol):
    """One structured log and one set of metrics; every line carries what ``about`` was told."""

    def about(self, **keys: object) -> None: ...

    def info(self, message: str, **data: object) -> None: ...

    def warning(self, message: str, **data: object) -> None: ...

    def count(self, name: str) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...
