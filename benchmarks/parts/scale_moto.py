"""moto for large numbers: quicker answers of its DynamoDB, and objects of one environment copied for another."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, Final

import moto.core.responses
import moto.dynamodb.models
from moto.core.serialize import XFormedAttributePicker
from moto.dynamodb.models.table import Table
from moto.s3.models import S3Backend, s3_backends

from dagbranch.domain.environments import Environment
from dagbranch.domain.ownership import marker_of

ACCOUNT: Final = "123456789012"  # moto's only one
_KINDS: Final = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})


class _QuickPicker(XFormedAttributePicker):
    """moto asks each value of DynamoDB for its ten kinds, and for each under five names."""

    def __call__(self, context: Any) -> Any:
        if context.key in _KINDS and isinstance(context.obj, dict):
            return context.obj.get(context.key)
        return super().__call__(context)


def quicken_moto() -> None:
    """Without it, each write costs moto a deep copy of every item, and each listing one of every object there is."""
    moto_dynamodb, moto_responses, backend = map(_as_any, (moto.dynamodb.models, moto.core.responses, S3Backend))
    moto_dynamodb.copy = SimpleNamespace(deepcopy=_kept_for_a_rollback)
    moto_responses.XFormedAttributePicker = _QuickPicker
    backend.list_object_versions = _versions_below_prefix


def _as_any(module: Any) -> Any:
    """What is put in the place of its own names is no part of moto's interface."""
    return module


def _kept_for_a_rollback(thing: Any) -> Any:
    """Items are replaced, never changed, by the writes that the registry makes."""
    if not isinstance(thing, Table):
        return copy.deepcopy(thing)
    kept = copy.copy(thing)
    kept.items = defaultdict(dict, {key: dict(items) for key, items in thing.items.items()})
    return kept


_list_object_versions = S3Backend.list_object_versions


def _versions_below_prefix(backend: S3Backend, bucket_name: str, **asked: Any) -> Any:
    """What moto itself would answer a bucket that has nothing else."""
    keys, prefix = backend.get_bucket(bucket_name).keys, asked.get("prefix") or ""
    below = [(key, versions) for key, versions in keys.iterlists() if key.startswith(prefix)]
    bucket = SimpleNamespace(keys=SimpleNamespace(iterlists=lambda: below))
    return _list_object_versions(SimpleNamespace(get_bucket=lambda _: bucket), bucket_name, **asked)  # type: ignore[arg-type] # it asks its backend for nothing else


def copy_objects(buckets: Iterable[str], record: Environment, others: Iterable[Environment]) -> None:
    """Everything that stands for the one, put for each of the others with its marker."""
    backend, before = s3_backends[ACCOUNT]["aws"], _place(record)
    objects = [
        (bucket, key, found)
        for bucket in buckets
        for key in backend.buckets[bucket].keys
        if any(part in key for part in before) and (found := backend.head_object(bucket, key)) is not None
    ]
    for other in others:
        marker = {f"x-amz-meta-{name}": text for name, text in marker_of(other).items()}
        for bucket, key, found in objects:
            put = backend.put_object(bucket, _renamed(key, before, _place(other)), found.value)
            put.set_metadata({**dict(found.metadata), **marker})


def _place(environment: Environment) -> tuple[str, ...]:
    """What of a key tells whose it is."""
    name = environment.claimed_name
    return f"/{name}.zip", f"/{name}/", f"/pull/{environment.pull_number}/"


def _renamed(key: str, before: Iterable[str], after: Iterable[str]) -> str:
    for old, new in zip(before, after, strict=True):
        key = key.replace(old, new)
    return key
