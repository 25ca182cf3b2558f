"""The forms of GitHub's answers to what is read there, as far as it is read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Base64Bytes, BaseModel, Field, TypeAdapter


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
PULL_SIZE: Final = TypeAdapter(PullSize)
CHANGED_FILES: Final = TypeAdapter(list[ChangedFile])
PERMISSION: Final = TypeAdapter(Permission)
CONTENTS: Final[TypeAdapter[File | NoFile | list[Named]]] = TypeAdapter(
    Annotated[File | NoFile, Field(discriminator="type")] | list[Named]
)
