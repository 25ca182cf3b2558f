"""Installed packages that bound what an environment vendors."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from dagbranch.runtime.entangled import entangled


def _module(name: str, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def _class_of(module: str) -> type:
    return type("Thing", (), {"__module__": module})


def test_modules_that_hold_a_vendored_module_or_class_are_found_through_others_too() -> None:
    vendored = _module("vendored")
    direct = _module("direct", v=vendored)
    modules = {
        "direct": direct,
        "by_class": _module("by_class", Thing=_class_of("vendored.deep")),
        "indirect": _module("indirect", d=direct),
        "free": _module("free", text="vendored", Thing=_class_of("free")),
    }

    assert entangled(modules, {"vendored", "vendored.deep"}) == {"direct", "by_class", "indirect"}


def test_what_lies_in_a_package_goes_with_it() -> None:
    core = _module("package.core", v=_module("vendored"))
    modules = {"package": _module("package", core=core), "package.core": core, "package.free": _module("package.free")}

    assert entangled(modules, {"vendored"}) == {"package", "package.core", "package.free"}


def test_lazy_objects_are_not_woken() -> None:
    class Lazy:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    assert entangled({"a": _module("a", lazy=Lazy())}, {"vendored"}) == set()
