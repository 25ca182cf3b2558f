"""The bodies of requests, as GitHub takes them: their keys, forms and lengths, and its words for what is wrong.

https://docs.github.com/en/rest: each model is named after what it makes or changes.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.github.rest.messages import ApiError, Request

_MOST_TEXT = 65_535  # docs.github.com, "Create a check run": summary and text
_MOST_ANNOTATIONS = 50
_MOST_ANNOTATION_BYTES = 64 * 1024
_WEB = r"^https?://"

type CheckStatus = Literal["queued", "in_progress", "completed"]
type Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"
]
type ReactionContent = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]
type WebAddress = Annotated[str, Field(pattern=_WEB)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CommentInput(_Input):
    body: str


class ReactionInput(_Input):
    content: ReactionContent


class AnnotationInput(_Input):
    path: str
    start_line: int
    end_line: int
    start_column: int | None = None
    end_column: int | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: str = Field(max_length=_MOST_ANNOTATION_BYTES)
    title: str | None = Field(default=None, max_length=255)
    raw_details: str | None = Field(default=None, max_length=_MOST_ANNOTATION_BYTES)


class OutputInput(_Input):
    title: str
    summary: str = Field(max_length=_MOST_TEXT)
    text: str | None = Field(default=None, max_length=_MOST_TEXT)
    annotations: list[AnnotationInput] = Field(default=[], max_length=_MOST_ANNOTATIONS)


class ChangedOutputInput(OutputInput):
    """The title may stay as it is."""

    title: str = ""


class CheckInput(_Input):
    name: str
    head_sha: str
    details_url: WebAddress | None = None
    external_id: str | None = None
    status: CheckStatus | None = None
    started_at: datetime | None = None
    conclusion: Conclusion | None = None
    completed_at: datetime | None = None
    output: OutputInput | None = None


class ChangedCheckInput(_Input):
    name: str | None = None
    details_url: WebAddress | None = None
    external_id: str | None = None
    status: CheckStatus | None = None
    started_at: datetime | None = None
    conclusion: Conclusion | None = None
    completed_at: datetime | None = None
    output: ChangedOutputInput | None = None


class StatusInput(_Input):
    state: Literal["error", "failure", "pending", "success"]
    target_url: str | None = None
    description: str | None = None
    context: str = "default"


class DeploymentInput(_Input):
    ref: str
    task: str = "deploy"
    auto_merge: bool = True
    required_contexts: list[str] | None = None
    payload: dict[str, Any] | str = {}
    environment: str = "production"
    description: str | None = None
    transient_environment: bool = False
    production_environment: bool | None = None


class DeploymentStatusInput(_Input):
    state: Literal["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]
    target_url: str = ""
    log_url: str = ""
    description: str = ""
    environment: str | None = None
    environment_url: str = ""
    auto_inactive: bool = True


class AccessTokenInput(_Input):
    repositories: list[str] | None = None
    repository_ids: list[int] | None = None
    permissions: dict[str, str] | None = None


def read[M: _Input](model: type[M], request: Request) -> M:
    """The request's body; raises ApiError 400 where that is no JSON object, 422 where it is not this one."""
    try:
        content = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(content, dict):
        raise ApiError(400, "Body should be a JSON object")
    try:
        return model.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        faults = "\n".join(_words(fault) for fault in error.errors())
        raise ApiError(422, f"Invalid request.\n\n{faults}") from None


def _words(fault: Any) -> str:
    """GitHub's own sentences for the commonest faults."""
    place = "/".join(map(str, fault["loc"]))
    key, value, limits = str(fault["loc"][-1]), fault["input"], fault.get("ctx", {})
    told = {
        "missing": '"{key}" wasn\'t supplied.',
        "extra_forbidden": '"{key}" is not a permitted key.',
        "literal_error": "{value} is not a member of [{expected}].",
        "too_long": "No more than {max_length} items are allowed; {length} were supplied.",
        "string_too_long": "Only {max_length} characters are allowed; {length} were supplied.",
        "string_type": "For 'properties/{place}', {shown} is not a string.",
    }.get(fault["type"], "For 'properties/{place}': {why}.")
    length = len(value) if isinstance(value, str | list) else 0
    shown = "nil" if value is None else json.dumps(value, default=str)
    return told.format(**limits, key=key, place=place, value=value, length=length, shown=shown, why=fault["msg"])
