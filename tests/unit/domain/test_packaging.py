"""The packaged DAG as bytes: what is in it, that it is always the same, and what is refused."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.packaging import (
    MANIFEST_PATH,
    PackagedDag,
    configuration,
    files_beside,
    package_dags,
    read_manifest,
    source_path_of,
)
from dagbranch.domain.specification import UnpackedCopy
from dagbranch.domain.wheels import Vendored
from dagbranch.errors import InvalidPipelineError, UnsafeArchiveError

DAG = b"from airflow import DAG\n\ndag = DAG('qu.test_dag')\n"
DIGEST = 64 * "a"

_names = st.text(st.sampled_from("ab_-. é"), min_size=1, max_size=6).filter(lambda name: name.strip(".") != "")
_paths = st.lists(_names, min_size=1, max_size=3).map("/".join)


RUNTIME = {"load.py": b"from dagbranch.runtime.identity import Identity\n"}


def package(
    files: Mapping[str, bytes], dags_folder: str = "dags", runtime: Mapping[str, bytes] = RUNTIME
) -> PackagedDag:
    return package_dags(files, dags_folder=dags_folder, source_digest=DIGEST, runtime=runtime, version="0.1.0")


def names_in(packaged: PackagedDag) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(packaged.archive)) as archive:
        return archive.namelist()


def read(packaged: PackagedDag, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(packaged.archive)) as archive:
        return archive.read(name)


def test_the_zip_holds_a_stub_at_its_root_per_dag_module_and_everything_else_below() -> None:
    packaged = package(
        {
            "dagbranch.yaml": b"version: 1\n",
            "dags/qu/main/test_dag.py": DAG,
            "dags/qu/common.py": b"COLOUR = 'blue'\n",
            "dags/qu/main/query.sql": b"SELECT 1\n",
        }
    )

    names = names_in(packaged)
    assert [name for name in names if "/" not in name] == ["dag__qu__main__test_dag.py"]
    assert [name for name in names if name.startswith("_src/")] == [
        "_src/qu/common.py",
        "_src/qu/main/query.sql",
        "_src/qu/main/test_dag.py",
    ]
    assert "_dagbranch/load.py" in names
    assert packaged.modules == ("qu/main/test_dag.py",)


@settings(deadline=None)
@given(st.dictionaries(_paths, st.binary(max_size=20), max_size=6), st.randoms())
def test_the_same_source_gives_the_same_bytes_in_whatever_order_it_comes(
    extra: dict[str, bytes], random: object
) -> None:
    files = {**{f"dags/{path}": content for path, content in extra.items()}, "dags/known_dag.py": DAG}
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis types its Random as an object

    first, second = package(files), package(dict(shuffled))

    assert first.archive == second.archive
    assert first.sha256 == second.sha256


@settings(deadline=None)
@given(st.sets(_paths.map(lambda path: f"{path}.py"), min_size=1, max_size=12))
def test_every_dag_module_has_a_stub_of_its_own_that_can_be_imported_and_leads_back_to_it(paths: set[str]) -> None:
    packaged = package({f"dags/{path}": DAG for path in paths})

    manifest = read_manifest(packaged.archive)
    roots = [name for name in names_in(packaged) if "/" not in name]
    assert sorted(manifest.modules) == roots
    assert sorted(manifest.modules.values()) == sorted(paths)
    for stub, path in manifest.modules.items():
        assert stub.removesuffix(".py").isidentifier()
        exported = [node for node in ast.walk(ast.parse(read(packaged, stub))) if isinstance(node, ast.Constant)]
        assert path in {node.value for node in exported}
        assert source_path_of(f"/usr/local/airflow/dags/feature1.zip/{stub}", manifest) == path


def test_paths_that_look_alike_as_module_names_get_stubs_apart() -> None:
    packaged = package({"dags/a/b__c.py": DAG, "dags/a__b/c.py": DAG, "dags/a/b-c.py": DAG})

    stubs = {path: stub for stub, path in read_manifest(packaged.archive).modules.items()}
    assert stubs["a/b-c.py"] == "dag__a__b_c.py"
    assert stubs["a/b__c.py"].startswith("dag__a__b__c__")
    assert stubs["a__b/c.py"].startswith("dag__a__b__c__")
    assert len(set(stubs.values())) == 3


def test_a_stub_has_the_words_that_airflow_looks_for_in_the_root_of_a_zip() -> None:
    packaged = package({"dags/x.py": b"airflow asset"})

    stub = read(packaged, "dag__x.py").lower()
    assert b"airflow" in stub
    assert b"dag" in stub


def test_the_copy_is_hidden_from_airflow_and_has_every_other_file_of_the_dags_folder() -> None:
    files = {"dags/x.py": DAG, "dags/.airflowignore": b"old_.*\n", "dags/sub/.airflowignore": b"y\n", "README.md": b""}

    packaged = package(files)

    assert packaged.copy == {"x.py": DAG, ".airflowignore": b"[^~]*\n", "sub/.airflowignore": b"y\n"}
    assert read(packaged, "_src/.airflowignore") == b"old_.*\n"


def test_the_manifest_tells_size_and_digest_of_what_the_copy_has_of_the_source() -> None:
    packaged = package({"dags/x.py": DAG, "dags/.airflowignore": b"old_.*\n"})

    manifest = json.loads(read(packaged, MANIFEST_PATH))
    assert list(manifest["files"]) == ["x.py"]
    assert manifest["files"]["x.py"]["size"] == len(DAG)
    assert len(manifest["files"]["x.py"]["sha256"]) == 64
    assert manifest["source_digest"] == DIGEST
    assert manifest["dagbranch"] == "0.1.0"


def test_bytecode_caches_do_not_travel() -> None:
    packaged = package({"dags/x.py": DAG, "dags/__pycache__/x.cpython-312.pyc": b"\0"})

    assert sorted(packaged.copy) == [".airflowignore", "x.py"]


@pytest.mark.parametrize("dags_folder", [".", "", "./"])
def test_the_repository_itself_may_be_the_dags_folder(dags_folder: str) -> None:
    assert package({"x.py": DAG, "dagbranch.yaml": b""}, dags_folder).modules == ("x.py",)


def test_a_folder_whose_name_only_begins_alike_is_not_the_dags_folder() -> None:
    assert package({"dags/x.py": DAG, "dags_old/y.py": DAG}, "dags/").modules == ("x.py",)


def test_without_any_dag_module_the_error_says_where_it_looked_and_for_what() -> None:
    with pytest.raises(InvalidPipelineError, match=r"no DAG module in 'pipelines' \(1 files\).*'airflow' and 'dag'"):
        package({"pipelines/x.py": b"import os\n", "dags/y.py": DAG}, "pipelines")


def test_files_where_dagbranch_puts_its_own_are_refused() -> None:
    with pytest.raises(InvalidPipelineError, match=r"dags/\.dagbranch/x\.json"):
        package({"dags/x.py": DAG, "dags/.dagbranch/x.json": b"{}"})


def test_vendored_modules_are_packaged_apart_and_are_no_dag_modules() -> None:
    files = {"dags/a.py": DAG, ".dagbranch/wheels/x-1-py3-none-any.whl": b"", "dags/.gitkeep": b""}
    vendored = Vendored({"holidays/dag.py": DAG, "broken.py": b"import airflow, dag\nprint 'no Python'"}, ("a word",))

    packaged = package_dags(
        files, dags_folder="dags", source_digest=DIGEST, runtime=RUNTIME, version="0.1.0", vendored=vendored
    )

    assert packaged.modules == ("a.py",)
    assert packaged.warnings == ("a word",)
    assert read(packaged, "_src/.requirements/holidays/dag.py") == DAG
    assert {".requirements/holidays/dag.py", ".requirements/broken.py"} <= set(packaged.copy)
    assert ".requirements/broken.py" in json.loads(read(packaged, MANIFEST_PATH))["files"]
    assert not any(name.endswith(".whl") for name in [*names_in(packaged), *packaged.copy])


def test_wheels_are_no_source_where_the_repository_itself_is_the_dags_folder() -> None:
    packaged = package({"a.py": DAG, ".dagbranch/wheels/x-1-py3-none-any.whl": b""}, dags_folder=".")

    assert set(packaged.copy) == {"a.py", ".airflowignore"}


@pytest.mark.parametrize("path", ["dags/.requirements/x.py", "dags/.dagbranch/x.json"])
def test_a_repository_has_no_files_where_dagbranch_puts_its_own(path: str) -> None:
    with pytest.raises(InvalidPipelineError, match="is where dagbranch puts its own"):
        package({"dags/a.py": DAG, path: b""})


def test_a_path_that_leads_out_is_refused() -> None:
    with pytest.raises(UnsafeArchiveError):
        package({"dags/x.py": DAG, "dags/../../y.py": b""})


def test_source_that_is_not_utf8_travels_as_it_is_and_is_warned_about_where_python_cannot_read_it() -> None:
    readable = b"# -*- coding: latin-1 -*-\n# airflow dag caf\xe9\n"
    broken = b"NAME = 'airflow dag caf\xe9'\n"

    packaged = package({"dags/readable.py": readable, "dags/broken.py": broken})

    assert packaged.copy["readable.py"] == readable
    assert packaged.modules == ("broken.py", "readable.py")
    (warning,) = packaged.warnings
    assert warning.startswith("dags/broken.py:1: no Python that this version reads")


@pytest.mark.parametrize("source", [b"airflow dag" + 5000 * b"(", b"airflow = dag\0", b"def airflow_dag(:"])
def test_source_that_cannot_be_parsed_is_packaged_with_a_warning(source: bytes) -> None:
    packaged = package({"dags/x.py": source})

    assert packaged.modules == ("x.py",)
    assert packaged.warnings[0].startswith("dags/x.py:1: no Python")


def test_an_id_that_two_modules_give_is_warned_about() -> None:
    packaged = package(
        {
            "dags/a.py": b"import airflow\nairflow.DAG(dag_id='qu.x')\nDAG('qu.x')\nDAG(other)",
            "dags/b.py": b"import airflow\n@dag('qu.x')\ndef f(): ...",
            "dags/c.py": b"import airflow\nDAG('qu.y')",
        }
    )

    assert packaged.warnings == (
        "the DAG id 'qu.x' is given in dags/a.py and in dags/b.py: an environment shows an import error",
    )


def test_a_reference_to_a_dag_by_a_template_is_warned_about_with_file_and_line() -> None:
    code = b"""import airflow
TriggerDagRunOperator(trigger_dag_id="qu.{{ params.name }}")
ExternalTaskSensor(
    external_dag_id = '{{ var.value.upstream }}',
)
TriggerDagRunOperator(trigger_dag_id="qu.test_dag", conf={"day": "{{ ds }}"})
TriggerDagRunOperator(trigger_dag_id=f"qu.{{not_one}}")
"""

    packaged = package({"dags/x.py": DAG, "dags/qu/uses.py": code})

    first, second = packaged.warnings
    assert first.startswith("dags/qu/uses.py:2: trigger_dag_id is templated")
    assert second.startswith("dags/qu/uses.py:4: external_dag_id is templated")


def test_code_that_asks_for_the_servers_dags_folder_is_warned_about() -> None:
    packaged = package({"dags/x.py": DAG, "dags/paths.py": b"conf.get('core', 'DAGS_FOLDER')"})

    (warning,) = packaged.warnings
    assert warning.startswith("dags/paths.py: asks for Airflow's dags_folder")


def test_the_runtime_has_a_package_name_in_the_zip_that_an_installed_dagbranch_does_not_share() -> None:
    packaged = package({"dags/x.py": DAG}, runtime=runtime_modules())

    for name in names_in(packaged):
        if name.startswith("_dagbranch/") and name.endswith(".py"):
            imported = {
                getattr(node, "module", None) or ""
                for node in ast.walk(ast.parse(read(packaged, name)))
                if isinstance(node, ast.ImportFrom)
            }
            assert not any(module.partition(".")[0] == "dagbranch" for module in imported)


def test_another_zip_is_no_packaged_dag() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.py", DAG)

    with pytest.raises(InvalidPipelineError, match="no packaged DAG"):
        read_manifest(buffer.getvalue())
    with pytest.raises(InvalidPipelineError, match="no packaged DAG"):
        read_manifest(b"no zip")


def test_the_file_of_no_stub_has_no_source() -> None:
    manifest = read_manifest(package({"dags/x.py": DAG}).archive)

    assert source_path_of("/usr/local/airflow/dags/other.py", manifest) is None


@settings(deadline=None)
@given(st.permutations(["src_conn", "retries", "bucket"]))
def test_the_configuration_is_one_text_for_one_meaning(keys: list[str]) -> None:
    lane_settings = dict.fromkeys(keys, "x")

    written = configuration(
        environment="feature1",
        lane="preview",
        repository="zalando/pipelines",
        pull_number=7,
        head_sha=40 * "0",
        source_digest=DIGEST,
        settings=lane_settings,
        schemas={"db_attribution": "db_attribution_feature1"},
    )

    assert json.loads(written)["settings"] == lane_settings
    assert written.index(b'"bucket"') < written.index(b'"retries"') < written.index(b'"src_conn"')


@pytest.mark.parametrize(
    ("files", "unpacked_copy", "beside"),
    [(500, "auto", 501), (501, "auto", 1), (501, "always", 502), (1, "never", 1)],
)
def test_the_copy_of_few_files_lies_beside_the_zip_unless_the_repository_wants_it_otherwise(
    files: int, unpacked_copy: UnpackedCopy, beside: int
) -> None:
    packaged = package({"dags/dag.py": DAG, **{f"dags/{number}.sql": b"" for number in range(1, files)}})

    found = files_beside(packaged, unpacked_copy)

    assert len(found) == beside
    assert found[".airflowignore"] == packaged.copy[".airflowignore"]
