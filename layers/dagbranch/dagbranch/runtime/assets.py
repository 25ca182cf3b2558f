"""Assets are given the environment's own names when its code makes them: at parse time and while its tasks run."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from dagbranch.runtime.airflow_api import first_of
from dagbranch.runtime.asset_names import AssetNames
from dagbranch.runtime.configuration import Configuration

_ASSETS = "airflow.sdk.definitions.asset"
_DECORATORS = "airflow.sdk.definitions.asset.decorators"
_COMMS = "airflow.sdk.execution_time.comms"
_PASSING_ON = frozenset({"ref", "for_asset", "for_asset_alias"})
_ORIGINAL = "dagbranch_original"


@dataclass(frozen=True, eq=False, repr=False)
class _Place:
    """A function of Airflow's that takes names or URIs of assets, and the parameters that hold them."""

    module: str
    owner: str
    function: str
    parameters: tuple[str, ...]


_OF_AIRFLOW_3 = (
    _Place(_ASSETS, "Asset", "__init__", ("name", "uri")),
    _Place(_ASSETS, "AssetAlias", "__init__", ("name",)),
    _Place(_ASSETS, "AssetNameRef", "__init__", ("name",)),
    _Place(_ASSETS, "AssetUriRef", "__init__", ("uri",)),
)
_OF_DECORATORS = (
    _Place(_DECORATORS, "AssetDefinition", "__init__", ("name", "uri")),
    _Place(_DECORATORS, "_DAGFactory", "create_dag", ("default_dag_id",)),
    _Place(_DECORATORS, "_AssetMainOperator", "determine_kwargs", ()),
)
_OF_AIRFLOW_2 = (
    _Place("airflow.datasets", "Dataset", "__init__", ("uri",)),
    _Place("airflow.datasets", "DatasetAlias", "__init__", ("name",)),
    _Place("airflow.datasets.metadata", "Metadata", "__init__", ("target", "alias")),
    # Airflow 2 takes text for a dataset here.
    _Place("airflow.utils.context", "OutletEventAccessors", "__getitem__", ("key",)),
    _Place("airflow.utils.context", "OutletEventAccessor", "add", ("dataset",)),
    _Place("airflow.utils.context", "InletEventsAccessors", "__getitem__", ("key",)),
)


@contextmanager
def own_assets(configuration: Configuration, sources: Collection[bytes], *, stays: bool = False) -> Iterator[None]:
    """Renames what the environment's code makes, where its ids are rewritten too.

    With ``stays`` it goes on in this process, for the task that runs next. Without schedules, assets lose their
    watchers, which start runs as a schedule does and take messages from queues that others wait for.
    """
    places = _places(sources)
    # A task's process may come to look at another environment, whose turn ends: a sensor checks that its DAG exists.
    before = [(owner, place.function, vars(owner)[place.function]) for place, owner in places]
    for place, owner in places:
        _restore(owner, place.function)
    if configuration.rewrites_ids:
        names = AssetNames(configuration.environment, configuration.shared_assets)
        for place, owner in places:
            _replace(owner, place, names, watched=configuration.schedules)
    try:
        yield
    finally:
        if not stays:
            for owner, function, found in before:
                setattr(owner, function, found)


def _places(sources: Collection[bytes]) -> list[tuple[_Place, Any]]:
    """Those of this version; the decorators import operators, so only where any source speaks of assets."""
    if first_of((_ASSETS, "Asset")) is None:
        wanted: tuple[_Place, ...] = _OF_AIRFLOW_2
    elif any(b"asset" in source for source in sources):
        wanted = _OF_AIRFLOW_3 + _OF_DECORATORS
    else:
        wanted = _OF_AIRFLOW_3
    found = [(place, first_of((place.module, place.owner))) for place in wanted]
    return [(place, owner) for place, owner in found if place.function in getattr(owner, "__dict__", {})]


def _replace(owner: Any, place: _Place, names: AssetNames, *, watched: bool) -> None:
    original = vars(owner)[place.function]
    if place.function == "create_dag":
        replacement = _named_as_written(original, names)
    elif place.function == "determine_kwargs":
        replacement = _asking_for_own(original, names)
    else:
        replacement = _renaming(original, place.parameters, names, watched=watched)
    setattr(replacement, _ORIGINAL, original)
    setattr(owner, place.function, replacement)


def _restore(owner: Any, function: str) -> None:
    """Also what the runtime of another environment left in this process, of whatever version it is."""
    original = getattr(vars(owner)[function], _ORIGINAL, None)
    if original is not None:
        setattr(owner, function, original)


def _renaming(
    original: Callable[..., Any], parameters: tuple[str, ...], names: AssetNames, *, watched: bool
) -> Callable[..., Any]:
    positional = list(inspect.signature(original).parameters)[1:]

    @functools.wraps(original)
    def function(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(positional, args, strict=False)), **kwargs}
        # A call that Airflow itself will refuse is left to it.
        if len(given) != len(args) + len(kwargs) or _called_by_airflow():
            return original(self, *args, **kwargs)
        written = {name: text for name in parameters if (text := _text(name, given.get(name))) is not None}
        given.update(names.of_one_asset(written))
        if not watched:
            given.pop("watchers", None)
        return original(self, **given)

    return function


def _text(parameter: str, value: Any) -> str | None:
    """A URI may be a path object (``ObjectStoragePath``), which Airflow makes text of."""
    if isinstance(value, str):
        return value
    return str(value) if parameter == "uri" and value is not None else None


def _named_as_written(original: Callable[..., Any], names: AssetNames) -> Callable[..., Any]:
    """The DAG of an ``@asset`` is called like the asset in the code: its id is rewritten like any other DAG's."""

    @functools.wraps(original)
    def create_dag(self: Any, *, default_dag_id: str) -> Any:
        return original(self, default_dag_id=names.written(default_dag_id))

    return create_dag


def _asking_for_own(original: Callable[..., Any], names: AssetNames) -> Callable[..., Any]:
    """The function of an ``@asset`` names assets by its parameters, which Airflow asks its server for by that name."""

    @functools.wraps(original)
    def determine_kwargs(self: Any, context: Any) -> Any:
        comms: Any = importlib.import_module(_COMMS)
        asked_for = comms.GetAssetByName
        comms.GetAssetByName = lambda *, name: asked_for(name=names.own(name))
        try:
            return original(self, context)
        finally:
            comms.GetAssetByName = asked_for

    return determine_kwargs


def _called_by_airflow() -> bool:
    """Airflow's own code makes assets of what it has in its database, whoever's they are."""
    frame = inspect.currentframe()
    while frame is not None and _passes_on(frame):
        frame = frame.f_back
    return frame is not None and _module(frame).partition(".")[0] == "airflow"


def _passes_on(frame: FrameType) -> bool:
    """What stands between the code that names an asset and the constructor: ``Asset.ref``, ``@asset``, ourselves."""
    module = _module(frame)
    return (
        module in {__name__, _DECORATORS}
        or frame.f_code.co_filename.startswith("<attrs generated")
        or (module.startswith("airflow.sdk.") and frame.f_code.co_name in _PASSING_ON)
    )


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
