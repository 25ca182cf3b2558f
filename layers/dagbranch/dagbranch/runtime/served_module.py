"""Serves ``dagbranch_env`` to the environment's code, bound to its configuration, and the same names as macros."""

from __future__ import annotations

import sys

from dagbranch.runtime import dagbranch_env
from dagbranch.runtime.configuration import Configuration

NAME = "dagbranch_env"


def serve(configuration: Configuration) -> dict[str, object]:
    """Binds the module, makes it importable, and returns what templates get of it."""
    bound: dict[str, object] = {
        "environment": configuration.environment,
        "lane": configuration.lane,
        "commit": configuration.head_sha,
        "_settings": configuration.settings,
        "_schemas": configuration.schemas,
        "_artifacts": configuration.artifacts,
    }
    vars(dagbranch_env).update(bound)
    sys.modules[NAME] = dagbranch_env
    return {name: getattr(dagbranch_env, name) for name in dagbranch_env.__all__}
