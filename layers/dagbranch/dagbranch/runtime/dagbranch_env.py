"""What DAG code may ask about the environment that it runs in: ``from dagbranch_env import environment, schema``.

Inside a packaged DAG the runtime serves this module under the name ``dagbranch_env``; nothing has to be installed.
Every template there has all names of it without any import, ``{{ schema("db_attribution") }}.m_events``;
a macro of the DAG's own with such a name wins.

Code that also runs outside of dagbranch finds it where ``pip install dagbranch`` was done, or takes this one file
along: it imports nothing but the standard library. There ``environment``, ``lane`` and ``commit`` are empty,
``schema(name)`` is the name with what DAGBRANCH_TABLE_SUFFIX holds behind it, ``artifact(name)`` lies in what
DAGBRANCH_ARTIFACTS holds, and ``setting(name, default)`` is its default. The macros exist only in a packaged DAG: in a
plain dags folder pass them, ``user_defined_macros={"schema": schema}``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

__all__ = ["artifact", "commit", "environment", "lane", "schema", "setting"]

environment: str = ""
"""``feature1``"""
lane: str = ""
"""``preview``, ``stage`` or ``prod``"""
commit: str = ""
"""the whole sha of the commit whose code this is"""

_settings: Mapping[str, Any] = {}
_schemas: Mapping[str, str] = {}
_artifacts: Mapping[str, str] = {}
_REQUIRED: Any = object()


def schema(name: str) -> str:
    """The environment's own schema for one that ``dagbranch.yaml`` declares: ``db_attribution_feature1``.

    Raises LookupError for a schema that is not declared: its name alone would be one that others share.
    """
    if not environment:
        return name + os.environ.get("DAGBRANCH_TABLE_SUFFIX", "")
    if name not in _schemas:
        declared = ", ".join(sorted(_schemas)) or "none"
        raise LookupError(f"dagbranch.yaml declares no schema {name!r} under data.schemas (declared: {declared})")
    return _schemas[name]


def artifact(name: str) -> str:
    """The URI, without a slash at its end, of a folder of job code that ``dagbranch.yaml`` names under ``artifacts``.

    Outside of dagbranch it is what the variable DAGBRANCH_ARTIFACTS holds, a slash and the name.
    Raises LookupError for a name that is not declared, or where nothing says where artifacts are.
    """
    if not environment:
        home = os.environ.get("DAGBRANCH_ARTIFACTS")
        if home is None:
            raise LookupError(f"set DAGBRANCH_ARTIFACTS to where the artifact {name!r} is outside of dagbranch")
        return f"{home.rstrip('/')}/{name}"
    if name not in _artifacts:
        declared = ", ".join(sorted(_artifacts)) or "none"
        raise LookupError(f"dagbranch.yaml declares no artifact {name!r} under artifacts (declared: {declared})")
    return _artifacts[name]


def setting(name: str, default: Any = _REQUIRED) -> Any:
    """A setting of the lane, ``lanes.preview.src_conn`` in ``dagbranch.yaml``. Raises LookupError without a default."""
    value = _settings.get(name, default)
    if value is _REQUIRED:
        known = ", ".join(sorted(_settings)) or "none"
        raise LookupError(f"dagbranch.yaml has no setting {name!r} for the lane {lane or '(none)'} (it has: {known})")
    return value
