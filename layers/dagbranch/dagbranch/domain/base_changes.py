"""What a commit changes against the one from which its pull request departed, told by DAG module and by table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from dagbranch.domain.dag_modules import dag_modules
from dagbranch.domain.naming import folder_prefix
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.packaging import own_sources
from dagbranch.domain.selection import changes_in
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.static_closure import Repository


def modules_perhaps_removed(
    pipeline_file: PipelineFile, before: Collection[str], after: Collection[str]
) -> frozenset[str]:
    """The paths that have to be read in the commit before, to tell whether DAG modules are gone."""
    prefix = folder_prefix(pipeline_file.dags)
    return frozenset(path for path in before if path.startswith(prefix) and path.endswith(".py")) - {*after}


def base_changes(
    pipeline_file: PipelineFile,
    lane: str,
    files: Mapping[str, bytes],
    changed_paths: Collection[str],
    *,
    before: Collection[str],
    removed: Mapping[str, bytes],
    pipeline_file_before: PipelineFile | None,
) -> BaseChanges:
    """All paths are the repository's. ``files``: the commit's; ``before``: those that there were; ``removed``: what
    ``modules_perhaps_removed`` held. ``pipeline_file_before``: None where it cannot be told, and then no output is new.
    """
    prefix = folder_prefix(pipeline_file.dags)
    sources = own_sources(files, pipeline_file.dags)
    modules = dag_modules(sources)
    changes = changes_in(pipeline_file, changed_paths)
    touched = Repository(sources, modules, deleted=changes.paths - sources.keys()).touched(changes)
    added = {module for module in modules if prefix + module not in before}
    outputs_before = None if pipeline_file_before is None else _outputs(pipeline_file_before, lane)
    return BaseChanges(
        added=_sorted(prefix + module for module in added),
        changed=_sorted(prefix + module for module in touched - added),
        removed=_sorted(prefix + module for module in dag_modules(own_sources(removed, pipeline_file.dags))),
        new_outputs=() if outputs_before is None else _sorted(_outputs(pipeline_file, lane) - outputs_before),
    )


def _outputs(pipeline_file: PipelineFile, lane: str) -> frozenset[str]:
    """Declared names: a schema is called otherwise in each environment."""
    data = pipeline_file.data_of(lane)
    schemas = data.schemas if data is not None else {}
    return frozenset(f"{name}.{table}" for name, schema in schemas.items() for table in schema.write)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
