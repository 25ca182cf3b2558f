"""Every error that dagbranch raises on purpose.

DagbranchError
├── ConfigurationError          the stack's own settings are missing or malformed: its owner mends them
├── InvalidEventError           an event that is not what its source promises: never retried
│   ├── InvalidSignatureError   a webhook that GitHub did not sign with our secret
│   ├── OversizedEventError     a webhook that is larger than what the bus takes
│   └── PromotionRefusedError   an archive that the lane before did not promote to this one
├── SourceError                 what the author of a pull request can mend; the message names what to change
│   ├── InvalidPipelineFileError    ``dagbranch.yaml``: file, line and key
│   ├── InvalidRequirementsError    the requirements file and the wheels that it names: file and line, or package
│   ├── UnsafeArchiveError          paths, links, sizes, pointers that are not packaged
│   ├── InvalidPipelineError        DAG files that cannot be packaged, or a base that has not what is declared
│   ├── UnsafeStatementError        a statement that would leave the environment's own schemas
│   └── NotOursError                something of that name exists without our marker: it is never touched
├── SupersededError             newer work has been asked for meanwhile: this work ends, and nothing is wrong
├── NotYetError                 a condition that is still to come: the queue asks again after ``retry_seconds``
│   └── StillRunningError           … a task of a DAG that is to be deleted
└── UpstreamError               GitHub, AWS, Airflow or the warehouse refused for good
    └── TransientUpstreamError      … or failed in a way that passes: the queue tries again
"""

from __future__ import annotations

from collections.abc import Iterable


class DagbranchError(Exception):
    """The base of all; its text is one message for a person, without secrets."""


class ConfigurationError(DagbranchError):
    pass


class InvalidEventError(DagbranchError):
    pass


class InvalidSignatureError(InvalidEventError):
    pass


class OversizedEventError(InvalidEventError):
    pass


class PromotionRefusedError(InvalidEventError):
    pass


class SourceError(DagbranchError):
    pass


class InvalidPipelineFileError(SourceError):
    pass


class InvalidRequirementsError(SourceError):
    pass


class UnsafeArchiveError(SourceError):
    pass


class InvalidPipelineError(SourceError):
    pass


class UnsafeStatementError(SourceError):
    pass


class NotOursError(SourceError):
    pass


class SupersededError(DagbranchError):
    pass


class NotYetError(DagbranchError):
    def __init__(self, message: str, *, retry_seconds: int) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class StillRunningError(NotYetError):
    """Airflow does not delete a DAG whose tasks run."""

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"tasks of {dag_id} are still running", retry_seconds=30)


class UpstreamError(DagbranchError):
    """``ran`` is what had been done when it was raised: the warehouse's statements."""

    ran: tuple[object, ...] = ()


def is_for_good(error: SourceError | UpstreamError) -> bool:
    """Whether trying again would meet the same: only what passes is worth another try."""
    return not isinstance(error, TransientUpstreamError)


class TransientUpstreamError(UpstreamError):
    """``retry_seconds``: how long the other side asked to be left alone; 0 where it did not say."""

    def __init__(self, *message: object, retry_seconds: int = 0) -> None:
        super().__init__(*message)
        self.retry_seconds = retry_seconds


def asked_wait_seconds(errors: Iterable[UpstreamError]) -> int:
    """The longest time for which any of them asks."""
    return max((error.retry_seconds for error in errors if isinstance(error, TransientUpstreamError)), default=0)
