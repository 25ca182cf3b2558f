from __future__ import annotations

import contextlib
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.domain.pipeline_file import json_schema, parse_pipeline_file, told_with_lines, with_lines
from dagbranch.domain.specification import ReleaseSettings
from dagbranch.errors import InvalidPipelineError, InvalidPipelineFileError

DOCS = Path(__file__).parents[3] / "docs"

WHOLE = b"""\
version: 1
dags: src/dags/
data:
  source_suffix: _test
  schemas:
    db_attribution:
      catalog: marketing
      read: [m_events, "m_cost_*"]
      write:
        m_roi: {seed: 'date BETWEEN "2026-01-01" AND "2026-01-31"'}
        m_model: {}
lanes:
  preview: {retries: 0, schedules: false, src_conn: warehouse_test, table_suffix: "_{environment}", team: qu}
  stage: {retries: 1, src_conn: warehouse_test, source_suffix: _live, table_suffix: _stage}
  prod: {retries: 3, src_conn: warehouse_live, table_suffix: _live}
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(InvalidPipelineFileError) as raised:
        parse_pipeline_file(text.encode())
    return str(raised.value).splitlines()


def test_without_a_file_dags_are_packaged_and_there_is_no_data() -> None:
    defaults = parse_pipeline_file(None)

    assert (defaults.dags, defaults.data, defaults.data_of("preview")) == ("dags", None, None)
    assert defaults.settings("preview").table_suffix == "_{environment}"


def test_the_whole_shape_is_read() -> None:
    found = parse_pipeline_file(WHOLE)

    assert found.dags == "src/dags"
    assert found.data is not None
    schema = found.data.schemas["db_attribution"]
    assert (schema.catalog, schema.read) == ("marketing", ("m_events", "m_cost_*"))
    assert schema.write["m_roi"].seed == 'date BETWEEN "2026-01-01" AND "2026-01-31"'
    assert schema.write["m_model"].seed is None


def test_a_lane_has_its_settings_its_free_keys_and_its_source() -> None:
    found = parse_pipeline_file(WHOLE)

    preview, stage = found.settings("preview"), found.settings("stage")
    assert preview.model_dump()["team"] == "qu"
    assert (preview.source_suffix, stage.source_suffix) == ("_test", "_live")
    assert (preview.as_written, stage.as_written) == (False, True)
    assert (preview.schedules, stage.schedules) == (False, True)
    assert (stage.retries, stage.table_suffix) == (1, "_stage")
    data = found.data_of("stage")
    assert data is not None
    assert data.source_suffix == "_live"


def test_a_release_lane_makes_data_where_it_has_a_source_and_a_suffix_of_its_own() -> None:
    found = parse_pipeline_file(WHOLE)

    assert (found.makes_data("stage"), found.makes_data("prod")) == (True, False)
    assert found.data_of("prod") is None
    assert found.schema_names("stage", "stage_pipelines") == {"db_attribution": "db_attribution_stage"}
    assert found.schema_names("prod", "prod_pipelines") == {"db_attribution": "db_attribution_live"}
    assert parse_pipeline_file(b"version: 1\ndata: {schemas: {db: {}}}").schema_names("prod", "p") == {"db": "db"}


@pytest.mark.parametrize(
    ("lane", "source", "schema"),
    [("stage", "_live", "db_attribution_stage_next"), ("prod", "_live", "db_attribution_live_next")],
)
def test_a_canary_has_data_of_its_own_and_nothing_starts_it(lane: str, source: str, schema: str) -> None:
    found = parse_pipeline_file(WHOLE)

    told, data = found.told_settings(lane, is_canary=True), found.data_of(lane, is_canary=True)

    assert data is not None
    assert data.source_suffix == source
    assert found.schema_names(lane, "any", is_canary=True) == {"db_attribution": schema}
    assert [told[key] for key in ("schedules", "as_written", "catchup", "emails")] == [False] * 4
    assert told["retries"] == found.settings(lane).retries


def test_a_canary_of_a_lane_without_suffixes_stands_beside_its_own_tables() -> None:
    found = parse_pipeline_file(b"version: 1\ndata: {source_suffix: _test, schemas: {db: {read: all}}}")

    data = found.data_of("prod", is_canary=True)

    assert data is not None
    assert data.source_suffix == ""
    assert found.schema_names("prod", "any", is_canary=True) == {"db": "db_next"}


@pytest.mark.parametrize(
    ("lane", "as_written"),
    [
        ("{}", True),
        ("{src_conn: live, alerts: '#qu', owner: qu, table_suffix: _live}", True),
        ("{retries: 3}", False),
        ("{schedules: false}", False),
        ("{schedules: true}", True),
        ("{emails: false}", False),
        ("{retries: 3, as_written: true}", True),
        ("{as_written: false}", False),
    ],
)
def test_dags_run_as_written_in_a_release_lane_that_says_nothing_of_runs(lane: str, as_written: bool) -> None:  # noqa: FBT001 # a row of the table
    found = parse_pipeline_file(f"version: 1\nlanes: {{prod: {lane}}}".encode())

    assert found.told_settings("prod")["as_written"] is as_written


def test_dags_are_told_nothing_of_how_they_came() -> None:
    found = parse_pipeline_file(b"version: 1\nlanes: {prod: {alerts: '#qu', promotion: {soak: 2h}}}")

    assert found.told_settings("prod") == {"alerts": "#qu", "shared_assets": (), "schedules": True, "as_written": True}


@pytest.mark.parametrize(("soak", "seconds"), [("0", 0), ("'0'", 0), ("90s", 90), ("2h", 7200)])
def test_a_time_has_a_unit_but_none_at_all_needs_none(soak: str, seconds: int) -> None:
    found = parse_pipeline_file(f"version: 1\nlanes: {{prod: {{promotion: {{soak: {soak}}}}}}}".encode())

    settings = found.settings("prod")
    assert isinstance(settings, ReleaseSettings)
    assert settings.promotion.soak_time == timedelta(seconds=seconds)


def test_another_number_is_no_time() -> None:
    (told,) = faults_of("version: 1\nlanes: {prod: {promotion: {soak: 2}}}")

    assert told.startswith("dagbranch.yaml:2: lanes.prod.promotion.soak: expected text")


@pytest.mark.parametrize("suffix", ["_live", "_LIVE"])
def test_a_release_lane_does_not_write_to_what_it_reads(suffix: str) -> None:
    told = "expected another than source_suffix: the lane would write to what it reads"

    assert faults_of(f"version: 1\nlanes: {{stage: {{source_suffix: _live, table_suffix: {suffix}}}}}") == [
        f"dagbranch.yaml:2: lanes.stage.table_suffix: {told}"
    ]


def test_all_stands_for_every_table() -> None:
    found = parse_pipeline_file(b"version: 1\ndata: {schemas: {db: {read: all}}}")

    assert found.data is not None
    assert found.data.schemas["db"].read == ("*",)


@pytest.mark.parametrize(
    ("dags", "kept", "left"),
    [
        ("dags", ["dagbranch.yaml", "dags/a.py", "dags/qu/a.sql"], ["dags", "dags2/a.py", "src/dags/a.py", "a.py"]),
        ("src/dags", ["dagbranch.yaml", "src/dags/a.py"], ["src/a.py", "dags/a.py"]),
        (".", ["dagbranch.yaml", "a.py", "dags/a.py"], []),
    ],
)
def test_what_is_packaged(dags: str, kept: list[str], left: list[str]) -> None:
    found = parse_pipeline_file(f"version: 1\ndags: {dags}".encode())

    assert [path for path in kept + left if found.kept(path)] == kept


def test_every_fault_is_told_with_line_and_key() -> None:
    text = """\
version: 2
dag: dags
data:
  schemas:
    db-x: {read: all}
    db:
      read: [m_events, 1, "a b"]
      write:
        m_roi:
          seed: date IN (SELECT 1)
          sead: x
        m_model:
lanes:
  preview:
    retries: -1
    schedules: "no"
    table_suffix: _shared
    limits: [1]
  test: {}
"""
    name = "expected a name of letters, digits and _, not beginning with a digit"
    quotes = "expected text: write it in quotes where YAML takes it for something else"
    keys = "version, dags, requirements, select, copy, artifacts, archive, previews, data, lanes"
    assert faults_of(text) == [
        "dagbranch.yaml:1: version: expected 1, the only version of this file's form",
        f"dagbranch.yaml:2: dag: unknown key: expected one of {keys}",
        f"dagbranch.yaml:5: data.schemas.db-x: 'db-x': {name}",
        f"dagbranch.yaml:7: data.schemas.db.read[1]: {quotes}",
        "dagbranch.yaml:7: data.schemas.db.read[2]: 'a b': expected the name of a table, or a pattern with *",
        "dagbranch.yaml:10: data.schemas.db.write.m_roi.seed: a sub-query is not allowed in a predicate",
        "dagbranch.yaml:11: data.schemas.db.write.m_roi.sead: unknown key: expected one of seed",
        "dagbranch.yaml:12: data.schemas.db.write.m_model: expected a mapping of keys to values",
        "dagbranch.yaml:15: lanes.preview.retries: expected a number from 0 to 100",
        "dagbranch.yaml:16: lanes.preview.schedules: expected true or false",
        "dagbranch.yaml:17: lanes.preview.table_suffix: '_shared': expected letters, digits and _ around {environment}",
        "dagbranch.yaml:18: lanes.preview.limits: expected text, a number, true, false or null",
        "dagbranch.yaml:19: lanes.test: unknown key: expected one of preview, stage, prod",
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("pipelines: {}", "pipelines"),
    ],
)
def test_what_is_not_built_yet_is_not_taken_as_if_it_worked(text: str, key: str) -> None:
    assert faults_of(f"version: 1\n{text}") == [f"dagbranch.yaml:2: {key}: not supported in this version of dagbranch"]


@pytest.mark.parametrize("text", ["", "# nothing", "[]", "text", "1"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert faults_of(text) == ["dagbranch.yaml:1: expected a mapping of keys to values"]


def test_the_version_is_asked_for() -> None:
    assert faults_of("dags: dags") == ["dagbranch.yaml:1: version: missing"]
    assert faults_of("version: true") == faults_of("version: 1.0") == faults_of("version: 2")


@pytest.mark.parametrize(
    "dags",
    ["../dags", "/dags", "dags/..", "a/../b", "dags//a", "a/./b", '""', "/", '"dags\\n"', '"a\\\\b"', '"\\0"', "1"],
)
def test_a_dags_folder_outside_of_the_repository_is_refused(dags: str) -> None:
    (fault,) = faults_of(f"version: 1\ndags: {dags}")

    assert fault.startswith("dagbranch.yaml:2: dags: ")


@pytest.mark.parametrize(("dags", "found"), [("./src/dags", "src/dags"), ("dags/", "dags"), ("./", "."), (".", ".")])
def test_a_dags_folder_is_kept_in_its_plain_form(dags: str, found: str) -> None:
    assert parse_pipeline_file(f"version: 1\ndags: {dags}".encode()).dags == found


@pytest.mark.parametrize("names", ["{db: {}, DB: {}}", "{db: {write: {t: {}, T: {}}}}"])
def test_names_that_differ_in_case_only_are_refused(names: str) -> None:
    assert "differ in case only" in faults_of(f"version: 1\ndata: {{schemas: {names}}}")[0]


@pytest.mark.parametrize(
    "setting",
    [
        "db_password: hunter2",
        "API_KEY: hunter2",
        "slack_token: 12345",
        "secret: hunter2",
        "src_conn: postgres://me:hunter2@host/db",
        "bucket: dapi0123456789abcdef0123456789abcdef",
        "note: AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_looks_like_a_secret_is_refused_and_not_repeated(setting: str) -> None:
    (fault,) = faults_of(f"version: 1\nlanes:\n  preview: {{{setting}}}")

    assert "looks like a secret" in fault
    assert setting.split(": ")[1] not in fault


@pytest.mark.parametrize(
    "setting",
    ["max_tokens: 5", "slack_secret_name: alerts", "secret_arn: arn:aws:x", "token: null", "passwords: false"],
)
def test_references_and_other_words_are_no_secrets(setting: str) -> None:
    parse_pipeline_file(f"version: 1\nlanes: {{preview: {{{setting}}}}}".encode())


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["version", "dags", "data", "lanes", "schemas", "preview", "read", "x"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_is_read_or_refused(value: object) -> None:
    with contextlib.suppress(InvalidPipelineFileError):
        parse_pipeline_file(json.dumps(value).encode())


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads((DOCS / "dagbranch.schema.json").read_text()) == json_schema()


def test_the_example_of_the_documentation_is_read() -> None:
    blocks = re.findall(r"```yaml\n(version.*?)```", (DOCS / "configuration.md").read_text(), re.DOTALL)

    assert [parse_pipeline_file(block.encode()).dags for block in blocks] == ["dags"]


def test_a_list_of_dag_modules_or_a_word_says_what_a_preview_shows() -> None:
    def selection(text: str) -> object:
        return parse_pipeline_file(f"version: 1\nselect: {text}\n".encode()).select

    assert selection("all") == ("*",)
    assert selection("changed") == ("changed",)
    assert selection('[qu/main/test_dag.py, "reporting/*"]') == ("qu/main/test_dag.py", "reporting/*")
    assert faults_of("version: 1\nselect: chnged\n") == [
        "dagbranch.yaml:2: select: expected changed, all, or a list of DAG modules and patterns"
    ]


def test_artifacts_and_requirements_are_kept_beside_the_dags() -> None:
    found = parse_pipeline_file(b"version: 1\nrequirements: requirements.txt\nartifacts: {jobs: spark/jobs}\n")

    kept = [path for path in ("requirements.txt", "spark/jobs/roi.py", "spark/tests/x.py", "x.txt") if found.kept(path)]

    assert kept == ["requirements.txt", "spark/jobs/roi.py"]
    assert found.folders == ("dags", "spark/jobs")


def test_requirements_below_the_root_are_in_a_folder_that_is_looked_into() -> None:
    found = parse_pipeline_file(b"version: 1\nrequirements: deploy/airflow/requirements.txt\n")

    assert found.kept("deploy/airflow/requirements.txt")
    assert found.folders == ("dags", "deploy/airflow")


DATA = b"""\
version: 1
data:
  source_suffix: _test
  detect: auto
  clone: never
  grants: {readers: [analysts], writers: ["a1b2-c3"]}
  schemas:
    db_attribution:
      read: all
      write: {m_roi: {seed: all}, m_model: {seed: "date >= date_sub(current_date(), 7)"}}
      mask: {m-customers: {email: hash, birth date: null, name: "redacted", vip: true, born: 2000-01-01, "*": null}}
      unprotected: [m_roi, "m_c*"]
"""


def test_the_whole_of_a_data_environment_is_read() -> None:
    data = parse_pipeline_file(DATA).data

    assert data is not None
    assert (data.detect, data.clone) == ("auto", "never")
    assert (data.grants.readers, data.grants.writers) == (("analysts",), ("a1b2-c3",))
    schema = data.schemas["db_attribution"]
    assert [written.seed for written in schema.write.values()] == ["all", "date >= date_sub(current_date(), 7)"]
    assert schema.mask["m-customers"] == {
        "email": "hash",
        "birth date": None,
        "name": "redacted",
        "vip": True,
        "born": "2000-01-01",
        "*": None,
    }
    assert schema.unprotected == ("m_roi", "m_c*")


def test_without_a_word_the_sql_is_checked_tables_are_cloned_and_nobody_is_left_out() -> None:
    data = parse_pipeline_file(b"version: 1\ndata: {schemas: {db: {}}}").data

    assert data is not None
    assert (data.detect, data.clone, data.grants.readers, data.grants.writers) == ("check", "auto", None, None)


QUOTES = "expected text: write it in quotes where YAML takes it for something else"


def test_every_fault_of_a_data_environment_is_told_with_line_and_key() -> None:
    text = """\
version: 1
data:
  detct: auto
  clone: sometimes
  detect: yes
  grants: {reader: [a], readers: a, writers: ["a`b", [1]]}
  schemas:
    db:
      unprotected: some
      mask:
        m_x: {email: hash, Email: null, "": null}
        m y: {a: b}
        m_z: hash
        m_w:
          a: [1]
          b: %s
      write:
        m_q: {seed: "a = "}
        m_r: all
""" % ("x" * 1_001)
    assert faults_of(text) == [
        "dagbranch.yaml:3: data.detct: unknown key: expected one of source_suffix, detect, clone, grants, schemas",
        "dagbranch.yaml:4: data.clone: expected 'auto' or 'never'",
        "dagbranch.yaml:5: data.detect: expected 'auto', 'check' or 'never'",
        "dagbranch.yaml:6: data.grants.readers: expected a list of names of users, groups or service principals",
        "dagbranch.yaml:6: data.grants.writers[0]: 'a`b': expected the name of a user, group or service principal",
        f"dagbranch.yaml:6: data.grants.writers[1]: {QUOTES}",
        "dagbranch.yaml:6: data.grants.reader: unknown key: expected one of readers, writers",
        "dagbranch.yaml:9: data.schemas.db.unprotected: expected a list of names and patterns, or: all",
        "dagbranch.yaml:11: data.schemas.db.mask.m_x.: '': expected the name of a column, or *",
        "dagbranch.yaml:12: data.schemas.db.mask.m y: 'm y': expected the name of a table: letters, digits, _ and -",
        "dagbranch.yaml:13: data.schemas.db.mask.m_z: expected a mapping of names to values",
        "dagbranch.yaml:15: data.schemas.db.mask.m_w.a: expected text, a number, true, false or null",
        "dagbranch.yaml:16: data.schemas.db.mask.m_w.b: expected at most 1000 characters",
        "dagbranch.yaml:18: data.schemas.db.write.m_q.seed: 'a = ' is no single SQL condition",
        "dagbranch.yaml:19: data.schemas.db.write.m_r: expected a mapping of keys to values",
    ]


@pytest.mark.parametrize("names", ["{mask: {t: {a: null, A: null}}}", "{mask: {t: {}, T: {}}}"])
def test_masks_whose_names_differ_in_case_only_are_refused(names: str) -> None:
    assert "differ in case only" in faults_of(f"version: 1\ndata: {{schemas: {{db: {names}}}}}")[0]


MASKED = b"""version: 1
data:
  schemas:
    db_attribution:
      read: [m_events]
      mask:
        m_people: {email: hash}
"""


def test_what_is_found_wrong_later_is_told_with_the_line_of_its_key() -> None:
    schema = "data.schemas.db_attribution"
    message = f"dagbranch.yaml: {schema}.mask.m_people.email: no such column\ndagbranch.yaml: data.detect: x"

    told = told_with_lines(message, MASKED)

    assert told.splitlines() == [
        f"dagbranch.yaml:7: {schema}.mask.m_people.email: no such column",
        "dagbranch.yaml:2: data.detect: x",
    ]


def test_an_error_on_the_way_gets_its_lines() -> None:
    told = r"^dagbranch\.yaml:5: data\.schemas\.db_attribution\.read: no m_x$"

    with pytest.raises(InvalidPipelineError, match=told), with_lines(MASKED):
        raise InvalidPipelineError("dagbranch.yaml: data.schemas.db_attribution.read: no m_x")


def test_a_message_without_a_key_or_without_a_file_stays_as_it_is() -> None:
    assert told_with_lines("the schema db_f1 is not ours", MASKED) == "the schema db_f1 is not ours"
    assert told_with_lines("dagbranch.yaml: data.detect: x", None) == "dagbranch.yaml: data.detect: x"
