"""One version of an environment in one process: what it is made of, and what came of its modules so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dagbranch.runtime import airflow_api, dagbranch_env
from dagbranch.runtime.archive import Archive
from dagbranch.runtime.configuration import Configuration
from dagbranch.runtime.dag_files import DagFiles, ignore_files
from dagbranch.runtime.dag_patch import Maker
from dagbranch.runtime.identity import Identity
from dagbranch.runtime.importer import Importer
from dagbranch.runtime.isolation import Presence
from dagbranch.runtime.module_loading import bystanders
from dagbranch.runtime.ownership import Found, share_out
from dagbranch.runtime.package import Package, files_on_disk
from dagbranch.runtime.served_module import NAME, serve

INCOMPLETE = "import-errors"


@dataclass(eq=False, repr=False)
class Environment:
    """``dags`` and ``errors``: by DAG module, what those that were loaded export and raised; ``whole``: all were."""

    package: Package
    configuration: Configuration
    identity: Identity
    maker: Maker
    files: DagFiles
    presence: Presence
    found: Found = field(default_factory=Found)
    dags: dict[str, list[Any]] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)
    whole: bool = False

    def missing(self, modules: Iterable[str]) -> list[str]:
        """Those that Airflow would load, that the environment shows, and that were not loaded yet."""
        return sorted(
            path
            for path in modules
            if self.configuration.shows(path) and path not in self.found.registered and path in self.files
        )

    def share_out(self) -> None:
        """Decides anew which module exports which DAG, now that more were loaded."""
        others = bystanders(self.presence.importer, self.files, self.found)
        found = Found({**self.found.globals, **others}, self.found.registered, self.found.errors)
        makers = {key: module for key, (_, module) in self.maker.made.items()}
        self.dags, duplicates = share_out(found, makers)
        refusals = {module: list(map(airflow_api.refusal_of, dags)) for module, dags in self.dags.items()}
        # Airflow 3.1 and later tell for the zip, one for all, what they find after the import. Where a module has
        # other DAGs, it is left at that: an error in its name would take them away.
        refused = {module: told[0] for module, told in refusals.items() if told and all(told) and told[0]}
        self.errors = {**self.found.errors, **duplicates, **refused}
        if (self.errors or any(map(any, refusals.values()))) and not self.missing(self.files):
            self._tell_of_errors()

    def _tell_of_errors(self) -> None:
        """Tags the DAGs whose environment has modules that failed.

        Airflow drops the import errors of a zip at each look at the folder, until the zip is parsed again: an empty
        list of them proves nothing, a DAG without this tag does.
        """
        for dag in (dag for of_module in self.dags.values() for dag in of_module):
            dag.tags = type(dag.tags)(dict.fromkeys([*dag.tags, INCOMPLETE]))


def environment_of(package: Package, configuration: Configuration, archive: Archive) -> Environment:
    """With none of its modules loaded, and out of sight."""
    root = str(files_on_disk(package, archive))
    identity = Identity(configuration.id_part, rewrites=configuration.rewrites_ids)
    files = DagFiles(package.modules.values(), package.sources, ignore_files(archive))
    maker = Maker(configuration, identity, serve(configuration), root, files)
    importer = Importer(root, package.sources, package.files, maker.running)
    presence = Presence(importer, str(package.zip_path), {NAME: dagbranch_env})
    return Environment(package, configuration, identity, maker, files, presence)
