from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dagbranch import __version__
from dagbranch.cli import main
from dagbranch.domain.packaging import read_manifest
from dagbranch.domain.source_archive import Limits, read_source_archive, source_digest
from tests.fakes.examples import DATA_FILE, FILES, FIRST
from tests.fakes.wheels import a_wheel, pin, wheel_name

ROOT = Path(__file__).parents[2]
PLANNED = {"db_attribution_test": {"m_events": "table", "m_roi": "table", "v_costs": "view"}}
# Prints the configurations beside the zip at the moment when the zip is replaced.
_AT_THE_ZIP = """
import os, pathlib, sys
from dagbranch.cli import main

def hear(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("feature1.zip"):
        folder = pathlib.Path(arguments[1]).with_suffix("") / ".dagbranch"
        print(*sorted(os.listdir(folder)), flush=True)

sys.addaudithook(hear)
sys.exit(main([*sys.argv[1:], "--json"]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A pipelines repository as somebody has it checked out."""
    folder = tmp_path / "pipelines"
    write(folder, {**FILES, "dagbranch.yaml": DATA_FILE, "README.md": b"not packaged", ".git/config": b"[core]"})
    return folder


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return tmp_path / "airflow" / "dags"


def write(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def requiring(source: Path, folder: Path) -> Path:
    """Makes the repository require a package; returns the folder where its wheel lies."""
    wheel = a_wheel("holidays")
    pipeline_file = DATA_FILE + b"requirements: requirements.txt\n"
    write(source, {"dagbranch.yaml": pipeline_file, "requirements.txt": pin("holidays", "1.0", wheel).encode()})
    write(folder, {f"wheels/{wheel_name('holidays')}": wheel})
    return folder / "wheels"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    """What a command prints with --json; it succeeds and says nothing else."""
    assert main([*map(str, arguments), "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line with which a command refuses bad input."""
    try:
        status: int | str | None = main([*map(str, arguments)])
    except SystemExit as ended:  # argparse's own way out
        status = ended.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.startswith("dagbranch")
    assert printed.err.count("\n") == 1
    return printed.err


def package(source: Path, dags: Path, environment: str = "feature1") -> list[str | Path]:
    return ["package", source, "--environment", environment, "--commit", FIRST, "--output", dags]


def times(folder: Path) -> dict[Path, tuple[int, int]]:
    return {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in folder.rglob("*") if file.is_file()}


# name


def test_name_prints_the_name_of_a_branchs_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "name", "feature/ATTR-1") == {"environment": "feature_attr_1"}
    assert run(capsys, "name", "prod", "--pull-number", "7") == {"environment": "prod_7"}
    assert main(["name", "Feature-1"]) == 0
    assert capsys.readouterr().out == "feature_1\n"


@pytest.mark.parametrize("branch", ["prod", "@@@", ""])
def test_name_refuses_a_branch_that_only_its_number_could_name(capsys: pytest.CaptureFixture[str], branch: str) -> None:
    assert "--pull-number" in refusal(capsys, "name", branch, "--json")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
def test_name_refuses_what_is_no_number(capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert f"--pull-number: '{number}' is no pull request's number" in refusal(
        capsys, "name", "b", f"--pull-number={number}"
    )


# archive


def test_archive_makes_the_canonical_archive_and_prints_its_digest(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "source.zip"

    printed = run(capsys, "archive", source, "--output", output)

    content = output.read_bytes()
    assert printed == {"archive": str(output), "source_digest": source_digest(content)}
    assert read_source_archive(content, Limits()) == {**FILES, "dagbranch.yaml": DATA_FILE}


def test_archive_of_an_archive_is_the_same_archive(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    first = run(capsys, "archive", source, "--output", tmp_path / "1.zip")
    second = run(capsys, "archive", tmp_path / "1.zip", "--output", tmp_path / "2.zip")

    assert first["source_digest"] == second["source_digest"]
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_archive_of_a_folder_brings_the_wheels_that_it_requires(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)

    run(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    archived = read_source_archive((tmp_path / "source.zip").read_bytes(), Limits())
    assert archived[f".dagbranch/wheels/{wheel_name('holidays')}"] == a_wheel("holidays")


def test_archive_refuses_requirements_by_file_and_line(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)
    write(source, {"requirements.txt": b"# pins\nholidays>=1\n-r more.txt\n"})

    refused = refusal(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    assert "requirements.txt:2: holidays: without a hash" in refused
    assert "requirements.txt:3: the option -r is not allowed" in refused


# package


def test_package_of_a_folder_and_of_its_archive_are_the_same_with_requirements(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    wheels = requiring(source, tmp_path)
    run(capsys, "archive", source, "--wheels", wheels, "--output", tmp_path / "source.zip")

    of_folder = run(capsys, *package(source, dags), "--wheels", wheels)
    of_archive = run(capsys, *package(tmp_path / "source.zip", dags))

    assert (dags / "feature1/.requirements/holidays.py").read_text() == "VERSION = '1.0'\n"
    assert of_folder == of_archive


def test_package_makes_the_zip_the_copy_and_the_configuration(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    printed = run(capsys, *package(source, dags))

    archive = (dags / "feature1.zip").read_bytes()
    digest = printed["source_digest"]
    assert printed == {
        "environment": "feature1",
        "zip": str(dags / "feature1.zip"),
        "sha256": source_digest(archive),
        "source_digest": digest,
        "copy": str(dags / "feature1"),
        "artifacts": {},
        "modules": ["qu/main/test_dag.py"],
        "selected": ["qu/main/test_dag.py"],
        "warnings": [],
    }
    assert read_manifest(archive).source_digest == digest
    copied = {file.relative_to(dags / "feature1").as_posix() for file in (dags / "feature1").rglob("*.*")}
    assert copied == {
        ".airflowignore",
        ".dagbranch",
        f".dagbranch/{digest}.json",
        "qu/common.py",
        "qu/main/rows.sql",
        "qu/main/test_dag.py",
    }
    configuration = json.loads((dags / "feature1" / ".dagbranch" / f"{digest}.json").read_text())
    assert (configuration["head_sha"], configuration["lane"]) == (FIRST, "preview")
    assert configuration["schemas"] == {"db_attribution": "db_attribution_feature1"}


def test_package_without_a_copy_leaves_what_no_worker_needs_to_sync(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    run(capsys, *package(source, dags))
    write(source, {"dagbranch.yaml": b"version: 1\ncopy: never\n"})

    digest = run(capsys, *package(source, dags))["source_digest"]

    left = {file.relative_to(dags).as_posix() for file in dags.rglob("*") if file.is_file()}
    assert left == {"feature1.zip", "feature1/.airflowignore", f"feature1/.dagbranch/{digest}.json"}


def test_package_puts_job_code_into_the_environments_folder_and_says_where(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"spark/jobs/lib/clean.py": b"1", "dagbranch.yaml": b"version: 1\nartifacts: {jobs: spark/jobs}\n"})
    first = run(capsys, *package(source, dags))["artifacts"]["jobs"]
    write(source, {"spark/jobs/lib/clean.py": b"2"})

    printed = run(capsys, *package(source, dags))

    uri = printed["artifacts"]["jobs"]
    assert uri.startswith((dags / "feature1" / ".dagbranch" / "artifacts").as_uri())
    assert uri != first
    jobs = Path(uri.removeprefix("file://"))
    assert {file.relative_to(jobs).as_posix(): file.read_bytes() for file in jobs.rglob("*.py")} == {
        "lib/clean.py": b"2"
    }
    assert not Path(first.removeprefix("file://")).exists()
    configuration = json.loads((dags / "feature1" / ".dagbranch" / f"{printed['source_digest']}.json").read_text())
    assert configuration["artifacts"] == {"jobs": uri}


def test_package_refuses_job_code_that_is_not_there(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dagbranch.yaml": b"version: 1\nartifacts:\n  jobs: spark\n"})

    refused = refusal(capsys, *package(source, dags))

    assert "dagbranch.yaml:3: artifacts.jobs: the folder 'spark' has no files at this commit" in refused
    assert not dags.exists()


def test_package_gives_the_same_bytes_for_a_folder_an_archive_and_another_environment(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    run(capsys, "archive", source, "--output", tmp_path / "source.zip")

    printed = [
        run(capsys, *package(source, dags)),
        run(capsys, *package(tmp_path / "source.zip", dags, "feature2")),
        run(capsys, *package(source, dags, "feature3"), "--lane", "prod"),
    ]

    assert len({one["sha256"] for one in printed}) == 1


def test_package_a_second_time_touches_nothing(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    run(capsys, *package(source, dags))
    before = times(dags)

    run(capsys, *package(source, dags))

    assert times(dags) == before


def test_package_after_a_change_touches_only_what_changed_and_drops_what_is_gone(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    run(capsys, *package(source, dags))
    before = times(dags)
    write(source, {"dags/qu/common.py": b"LIMIT = 2\n"})
    (source / "dags/qu/main/rows.sql").unlink()

    digest = run(capsys, *package(source, dags))["source_digest"]

    touched = {file.relative_to(dags).as_posix() for file, time in times(dags).items() if before.get(file) != time}
    assert touched == {"feature1.zip", "feature1/qu/common.py", f"feature1/.dagbranch/{digest}.json"}
    assert not (dags / "feature1/qu/main/rows.sql").exists()
    assert not [file for file in dags.rglob("*") if file.name.startswith(".dagbranch-")]


def test_the_last_configuration_stays_until_the_zip_that_reads_it_is_replaced(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    before = run(capsys, *package(source, dags))["source_digest"]
    write(source, {"dags/qu/common.py": b"LIMIT = 2\n"})

    done = subprocess.run(
        [sys.executable, "-c", _AT_THE_ZIP, *package(source, dags)], capture_output=True, text=True, check=True
    )

    after = json.loads(done.stdout.splitlines()[-1])["source_digest"]
    assert done.stdout.splitlines()[0].split() == sorted([f"{before}.json", f"{after}.json"])
    assert [file.name for file in (dags / "feature1/.dagbranch").iterdir()] == [f"{after}.json"]


def test_a_folder_may_become_a_file_and_a_file_a_folder(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dags/a/inside.txt": b"1", "dags/b": b"2"})
    run(capsys, *package(source, dags))
    (source / "dags/a/inside.txt").unlink()
    (source / "dags/a").rmdir()
    (source / "dags/b").unlink()
    write(source, {"dags/a": b"3", "dags/b/inside.txt": b"4"})

    run(capsys, *package(source, dags))

    assert (dags / "feature1/a").read_bytes() == b"3"
    assert (dags / "feature1/b/inside.txt").read_bytes() == b"4"


def test_package_tells_its_warnings(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    write(source, {"dags/twice.py": FILES["dags/qu/main/test_dag.py"]})

    printed = run(capsys, *package(source, dags))
    main([*map(str, package(source, dags))])

    assert len(printed["warnings"]) == 1
    assert "warning: the DAG id 'qu.test_dag' is given in" in capsys.readouterr().out


def test_package_leaves_a_zip_alone_that_it_did_not_make(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(dags, {"feature1.zip": b"somebody's"})

    assert "no packaged DAG of dagbranch" in refusal(capsys, *package(source, dags))
    assert (dags / "feature1.zip").read_bytes() == b"somebody's"
    assert not (dags / "feature1").exists()


def test_package_leaves_a_folder_alone_that_it_did_not_make(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(dags, {"feature1/theirs.py": b"import airflow"})

    assert "left alone" in refusal(capsys, *package(source, dags))
    assert [file.name for file in dags.rglob("*") if file.is_file()] == ["theirs.py"]


def test_package_writes_nothing_through_a_link_that_stands_in_its_place(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, tmp_path: Path
) -> None:
    write(tmp_path / "elsewhere", {".dagbranch/x.json": b"{}"})
    dags.mkdir(parents=True)
    (dags / "feature1").symlink_to(tmp_path / "elsewhere")

    refusal(capsys, *package(source, dags))

    assert (tmp_path / "elsewhere/.dagbranch/x.json").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["--environment", "Feature-1"], "--environment Feature-1"),
        (["--environment", "../x"], "--environment ../x"),
        (["--commit", "main"], "--commit main"),
        (["--lane", "nightly"], "--lane"),
    ],
)
def test_package_refuses_names_that_are_none(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, changed: list[str], told: str
) -> None:
    assert told in refusal(capsys, *package(source, dags), *changed)
    assert not dags.exists()


# plan


def test_plan_prints_the_statements_in_order(capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    base.write_text(json.dumps(PLANNED))

    printed = run(capsys, "plan", source, "--environment", "feature1", "--base", base)

    assert printed["environment"] == "feature1"
    assert [(one["sql"].split(" `")[0], one["writes"], one["reads"]) for one in printed["statements"]] == [
        ("CREATE SCHEMA", ["db_attribution_feature1"], []),
        ("CREATE VIEW", ["db_attribution_feature1.m_events"], ["db_attribution_test.m_events"]),
        ("CREATE TABLE", ["db_attribution_feature1.m_roi"], ["db_attribution_test.m_roi"]),
        ("INSERT OVERWRITE TABLE", ["db_attribution_feature1.m_roi"], ["db_attribution_test.m_roi"]),
        ("ALTER TABLE", ["db_attribution_feature1.m_roi"], []),
    ]


def test_plan_without_a_base_takes_what_is_declared_by_name(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    assert main(["plan", str(source), "--environment", "feature1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(line.endswith(";") for line in lines)


def test_plan_without_declared_data_is_empty(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    (source / "dagbranch.yaml").unlink()

    assert run(capsys, "plan", source, "--environment", "feature1") == {"environment": "feature1", "statements": []}


MASKED = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      read: [m_customers]
      mask:
        m_customers: {email: null}
"""


def test_plan_shows_masks_where_the_base_tells_the_columns(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED})
    told = {"kind": "table", "columns": {"id": "int", "email": "string"}, "partition_columns": []}
    (tmp_path / "base.json").write_text(json.dumps({"db_attribution_test": {"m_customers": told}}))

    printed = run(capsys, "plan", source, "--environment", "feature1", "--base", tmp_path / "base.json")

    (view,) = [one["sql"] for one in printed["statements"] if " VIEW " in one["sql"]]
    assert "SELECT `id`, IF(FALSE, `email`, NULL) AS `email` FROM `db_attribution_test`.`m_customers`" in view


def test_plan_of_a_masked_table_without_its_columns_is_one_error_that_shows_how_to_tell_them(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED})

    told = refusal(capsys, "plan", source, "--environment", "feature1")

    assert "db_attribution_test.m_customers: masks need the columns" in told
    assert '"columns"' in told


def test_plan_warns_of_tables_that_the_sql_reads_and_the_file_does_not_name(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED, "dags/rows.sql": b"SELECT * FROM db_attribution.m_orders\n"})
    told = {"kind": "table", "columns": {"email": "string"}}
    tables = {"m_customers": told, "m_orders": "table"}
    (tmp_path / "base.json").write_text(json.dumps({"db_attribution_test": tables}))

    main(["plan", str(source), "--environment", "feature1", "--base", str(tmp_path / "base.json")])

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("--") and "dags/rows.sql:1" in line and "m_orders" in line]
    assert all(line.endswith(";") or line.startswith("-- ") for line in lines)


@pytest.mark.parametrize("base", ["{", "[]", '{"db_attribution_test": {"m_events": "stream"}}'])
def test_plan_refuses_a_base_that_is_none(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, base: str
) -> None:
    (tmp_path / "base.json").write_text(base)

    assert "base" in refusal(capsys, "plan", source, "--environment", "f", "--base", tmp_path / "base.json")


# detect


def test_detect_tells_each_table_with_its_places(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(
        source,
        {
            "dagbranch.yaml": b"version: 1\ndags: dags\nartifacts: {jobs: spark}\n",
            "dags/sql/m_roi.sql": b"INSERT INTO {{ schema('mart') }}.m_roi\nSELECT * FROM raw.events\n",
            "spark/job.py": b"spark.sql(query)\nspark.table('raw.events')\n",
            "notes/old.sql": b"DROP TABLE mart.m_roi",
        },
    )

    assert run(capsys, "detect", source) == {
        "read": {"raw.events": ["dags/sql/m_roi.sql:2", "spark/job.py:2"]},
        "written": {"mart.m_roi": ["dags/sql/m_roi.sql:1"]},
        "unknown": ["spark/job.py:1"],
    }


def test_detect_prints_the_places_below_their_table(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dags/x.sql": b"INSERT INTO mart.x SELECT * FROM raw.x;\nCALL mart.y()"})

    assert main(["detect", str(source)]) == 0

    assert capsys.readouterr().out == (
        "read     raw.x\n    dags/x.sql:1\nwritten  mart.x\n    dags/x.sql:1\nunknown\n    dags/x.sql:2\n"
    )


def test_detect_says_so_where_it_finds_nothing(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    assert main(["detect", str(source)]) == 0

    assert capsys.readouterr().out == "no table is read or written\n"


# bad input of every kind


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["name"],
        ["archive", "missing", "--output", "x"],
        ["archive", ".", "--output", "/nowhere/at/all.zip"],
        ["plan", "missing", "--environment", "f"],
        ["detect", "missing"],
        ["plan", ".", "--environment", "f", "--base", "missing.json"],
        ["name", "b", "--unknown"],
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str],
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(source)

    refusal(capsys, *arguments)


def test_a_broken_pipeline_file_is_told_in_one_line_with_every_fault(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path
) -> None:
    write(source, {"dagbranch.yaml": b"version: 2\ndag: x\n"})

    told = refusal(capsys, *package(source, dags))

    assert "dagbranch.yaml:1" in told
    assert "dagbranch.yaml:2" in told


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside.txt"])
def test_a_link_that_leads_out_is_refused(
    capsys: pytest.CaptureFixture[str], source: Path, dags: Path, target: str
) -> None:
    write(source.parent, {"outside.txt": b"x"})
    (source / "dags/link.txt").symlink_to(target)

    assert "link dags/link.txt leads out" in refusal(capsys, *package(source, dags))


def test_a_name_that_is_no_utf8_is_refused(capsys: pytest.CaptureFixture[str], source: Path, dags: Path) -> None:
    (source / os.fsdecode(b"dags/latin-\xe9.txt")).write_bytes(b"x")

    assert "not portable" in refusal(capsys, *package(source, dags))


# as a program


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def run_python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """With nothing of this process's environment but the package."""
    environment = {"PYTHONPATH": str(ROOT / "layers" / "dagbranch")}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_command_runs_as_a_module_without_aws(source: Path, dags: Path) -> None:
    packaged = run_python("-m", "dagbranch.cli", *package(source, dags), "--json")

    assert (packaged.returncode, packaged.stderr) == (0, "")
    assert json.loads(packaged.stdout)["zip"] == str(dags / "feature1.zip")


def test_the_command_fails_with_its_status_and_loads_nothing_of_aws_or_github() -> None:
    probe = (
        "import sys; from dagbranch.cli import main; status = main(['name', 'prod']); "
        "print([name for name in ('boto3', 'botocore', 'github', 'databricks') if name in sys.modules]); "
        "sys.exit(status)"
    )

    ended = run_python("-c", probe)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "[]\n", 1)


# package --changed


@pytest.fixture
def selecting(source: Path) -> Path:
    """A repository with two DAG modules, of which an environment shows those that changed."""
    other = FILES["dags/qu/main/test_dag.py"].replace(b"test_dag", b"other_dag")
    write(source, {"dags/ünï.py": other, "dagbranch.yaml": b"version: 1\nselect: changed\n"})
    return source


def test_package_shows_what_was_changed_and_tells_how_many(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.txt"
    changed.write_text("README.md\ndags/qu/main/test_dag.py\n")

    printed = run(capsys, *package(selecting, dags), "--changed", changed)
    main([*map(str, package(selecting, dags)), "--changed", str(changed)])

    assert printed["modules"] == ["qu/main/test_dag.py", "ünï.py"]
    assert printed["selected"] == ["qu/main/test_dag.py"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["qu/main/test_dag.py", "1 of 2 DAG modules are shown"]
    configuration = dags / f"feature1/.dagbranch/{printed['source_digest']}.json"
    assert json.loads(configuration.read_text())["selected"] == ["qu/main/test_dag.py"]


def test_package_takes_the_changed_paths_as_git_prints_them(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('"dags/\\303\\274n\\303\\257.py"\n'))

    assert run(capsys, *package(selecting, dags), "--changed", "-")["selected"] == ["ünï.py"]


def test_package_without_changes_that_anybody_told_shows_all(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path
) -> None:
    printed = run(capsys, *package(selecting, dags))

    assert printed["selected"] == printed["modules"]


def test_package_refuses_a_file_of_changes_that_is_none(
    capsys: pytest.CaptureFixture[str], selecting: Path, dags: Path, tmp_path: Path
) -> None:
    (tmp_path / "changed").write_text('"dags/\\377.py"\n')

    assert "missing" in refusal(capsys, *package(selecting, dags), "--changed", "missing")
    assert "--changed" in refusal(capsys, *package(selecting, dags), "--changed", tmp_path / "changed")
