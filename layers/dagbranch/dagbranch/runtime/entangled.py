"""The server's packages that were imported for an environment's code and have bound what the environment vendors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import FunctionType, ModuleType


def entangled(modules: Mapping[str, ModuleType], own: Collection[str]) -> set[str]:
    """Those of the modules that hold modules, classes or functions of these, by themselves or by way of each other.

    A module that took no more than a constant cannot be told. What lies in a package goes with its package.
    """
    names = set(own)
    while found := {name for name, module in modules.items() if name not in names and _depends(name, module, names)}:
        names |= found
    return names - set(own)


def _depends(name: str, module: ModuleType, names: Collection[str]) -> bool:
    return any(parent in names for parent in _parents(name)) or any(
        _home_of(value) in names for value in list(getattr(module, "__dict__", {}).values())
    )


def _home_of(value: object) -> object:
    """Asked of nothing but modules, classes and functions: proxies and lazy objects would wake."""
    if issubclass(type(value), ModuleType):
        home = vars(value).get("__name__")
    elif issubclass(type(value), (type, FunctionType)):
        home = getattr(value, "__module__", None)
    else:
        home = None
    return home if isinstance(home, str) else None


def _parents(name: str) -> Iterable[str]:
    while name := name.rpartition(".")[0]:
        yield name
