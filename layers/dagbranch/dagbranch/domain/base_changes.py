"""What a commit changes against the one from which its pull request departed, told by DAG module and by table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

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
    *,
    before: Collection[str],
    removed: Mapping[str, bytes],
    pipeline_file_before: PipelineFile | None,
) -> BaseChanges:
    """But for the modules that are changed, which takes longer to tell. All paths are the repository's.

    ``files``: the commit's; ``before``: those that there were; ``removed``: what ``modules_perhaps_removed`` held.
    ``pipeline_file_before``: None where it cannot be told, and then no output is new.
    """
    modules = _modules(pipeline_file, files)
    outputs_before = None if pipeline_file_before is None else _outputs(pipeline_file_before, lane)
    return BaseChanges(
        added=_sorted(path for path in modules if path not in before),
        removed=_sorted(_modules(pipeline_file, removed)),
        new_outputs=() if outputs_before is None else _sorted(_outputs(pipeline_file, lane) - outputs_before),
    )


def with_changed(
    changes: BaseChanges, pipeline_file: PipelineFile, files: Mapping[str, bytes], changed_paths: Collection[str]
) -> BaseChanges:
    """With the modules that were there, and that are others now, themselves or by what they use."""
    prefix = folder_prefix(pipeline_file.dags)
    sources = own_sources(files, pipeline_file.dags)
    found = changes_in(pipeline_file, changed_paths)
    touched = Repository(sources, dag_modules(sources), deleted=found.paths - sources.keys()).touched(found)
    return replace(changes, changed=_sorted({prefix + module for module in touched} - {*changes.added}))


def _modules(pipeline_file: PipelineFile, files: Mapping[str, bytes]) -> list[str]:
    prefix = folder_prefix(pipeline_file.dags)
    return [prefix + module for module in dag_modules(own_sources(files, pipeline_file.dags))]


def _outputs(pipeline_file: PipelineFile, lane: str) -> frozenset[str]:
    """Declared names: a schema is called otherwise in each environment."""
    data = pipeline_file.data_of(lane)
    schemas = data.schemas if data is not None else {}
    return frozenset(f"{name}.{table}" for name, schema in schemas.items() for table in schema.write)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
