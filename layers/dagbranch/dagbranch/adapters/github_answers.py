"""The forms of GitHub's answers to what is read there, as far as it is read."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Base64Bytes, BaseModel, Field, TypeAdapter


class Named(BaseModel):
    name: str


class Identified(BaseModel):
    id: int


class Repository(Identified):
    full_name: str
    default_branch: str


class Head(BaseModel):
    ref: str
    sha: str
    repo: Identified | None


class Base(BaseModel):
    ref: str
    repo: Repository


class Pull(BaseModel):
    number: int
    state: Literal["open", "closed"]
    draft: bool = False
    head: Head
    base: Base
    labels: tuple[Named, ...]


class ListedEntry(BaseModel):
    path: str
    mode: str
    type: str
    sha: str
    size: int = 0


class Tree(BaseModel):
    tree: tuple[ListedEntry, ...]
    truncated: bool


class File(BaseModel):
    """GitHub shows what has over 1 MB with the encoding ``none``, and without its content."""

    type: Literal["file"]
    encoding: str
    size: int
    content: Base64Bytes


class NoFile(BaseModel):
    type: Literal["symlink", "submodule", "dir"]


class Blob(BaseModel):
    encoding: Literal["base64"]
    content: Base64Bytes


class Commit(BaseModel):
    sha: str


class Comparison(BaseModel):
    merge_base_commit: Commit


class Branch(BaseModel):
    commit: Commit


class App(Identified):
    slug: str | None = None


class Account(BaseModel):
    login: str


class Deployment(Identified):
    """``environment`` changes with a status that names another one; what it was made for does not."""

    sha: str
    environment: str
    original_environment: str | None = None
    payload: Any = None
    creator: Account | None = None
    created_at: AwareDatetime
    performed_via_github_app: App | None = None

    @property
    def made_for(self) -> str:
        return self.environment if self.original_environment is None else self.original_environment


class DeploymentStatus(Identified):
    state: str
    creator: Account | None = None
    performed_via_github_app: App | None = None


class PullSize(BaseModel):
    changed_files: int


class ChangedFile(BaseModel):
    filename: str
    previous_filename: str | None = None


class Permission(BaseModel):
    permission: str


PULL: Final = TypeAdapter(Pull)
PULLS: Final = TypeAdapter(list[Pull])
TREE: Final = TypeAdapter(Tree)
BLOB: Final = TypeAdapter(Blob)
COMPARISON: Final = TypeAdapter(Comparison)
REPOSITORY: Final = TypeAdapter(Repository)
BRANCH: Final = TypeAdapter(Branch)
DEPLOYMENT: Final = TypeAdapter(Deployment)
DEPLOYMENTS: Final = TypeAdapter(list[Deployment])
DEPLOYMENT_STATUSES: Final = TypeAdapter(list[DeploymentStatus])
PULL_SIZE: Final = TypeAdapter(PullSize)
CHANGED_FILES: Final = TypeAdapter(list[ChangedFile])
PERMISSION: Final = TypeAdapter(Permission)
CONTENTS: Final[TypeAdapter[File | NoFile | list[Named]]] = TypeAdapter(
    Annotated[File | NoFile, Field(discriminator="type")] | list[Named]
)
