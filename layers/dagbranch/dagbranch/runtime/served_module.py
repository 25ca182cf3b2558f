"""What ``dagbranch_env`` is to the environment's code: bound to its configuration, and the same names as macros."""

from __future__ import annotations

from dagbranch.runtime import dagbranch_env
from dagbranch.runtime.configuration import Configuration

NAME = "dagbranch_env"


def serve(configuration: Configuration) -> dict[str, object]:
    """Binds the module, which is this runtime's own and so this environment's, and returns what templates get of it."""
    bound: dict[str, object] = {
        "environment": configuration.environment,
        "lane": configuration.lane,
        "commit": configuration.head_sha,
        "_settings": configuration.settings,
        "_schemas": configuration.schemas,
        "_artifacts": configuration.artifacts,
    }
    vars(dagbranch_env).update(bound)
    return {name: getattr(dagbranch_env, name) for name in dagbranch_env.__all__}
