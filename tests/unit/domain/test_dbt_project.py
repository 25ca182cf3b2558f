from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from dagbranch.domain.dbt_project import read_dbt_projects
from dagbranch.domain.detection import Detected, detected

PROJECT = "name: shop\nprofile: shop\n"
PROFILES = "shop: {target: dev, outputs: {dev: {type: databricks, schema: db_shop}}}\n"
HANDED_PROFILES = PROFILES.replace("db_shop", "\"{{ env_var('DBT_SCHEMA') }}\"")
DAG = """env = {"DBT_SCHEMA": "{{ schema('db_shop') }}"}\n"""
SOURCES = "sources: [{name: raw, tables: [{name: events}]}]\n"


def found_in(files: Mapping[str, str], *, project: str = PROJECT, profiles: str = PROFILES) -> Detected:
    """A project in the folder ``dbt``; ``files`` are beside its own two."""
    every = {"dbt/dbt_project.yml": project, "dbt/profiles.yml": profiles, **files}
    uses, _ = read_dbt_projects({path: content.encode() for path, content in every.items()})
    return detected(uses)


def found_by(sql: str, **more: str) -> Detected:
    """What one model says beside another and a source."""
    others = {"dbt/models/other.sql": "SELECT 1 AS one", "dbt/models/sources.yml": SOURCES}
    return found_in({**others, "dbt/models/m.sql": sql, **more})


def own(found: Detected) -> tuple[list[str], list[str]]:
    """The tables that m.sql reads, and where it is unknown."""
    reads = [table for table, places in found.read.items() if any("/m." in place for place in places)]
    return reads, [place for place in found.unknown if "/m." in place]


def name_of(found: Detected, path: str = "dbt/models/m.sql") -> str | None:
    return next((table for table, places in found.written.items() if f"{path}:1" in places), None)


def test_a_model_is_written_and_its_refs_and_sources_are_read_at_their_lines() -> None:
    found = found_by("SELECT *\nFROM {{ ref('other') }}\nJOIN {{ source('raw', 'events') }} USING (id)")

    assert found.read == {"db_shop.other": ("dbt/models/m.sql:2",), "raw.events": ("dbt/models/m.sql:3",)}
    assert found.written == {"db_shop.m": ("dbt/models/m.sql:1",), "db_shop.other": ("dbt/models/other.sql:1",)}
    assert found.unknown == ()


def test_paths_that_dbt_reads_are_claimed_and_installed_packages_are_no_projects() -> None:
    files = {
        "dbt_project.yml": PROJECT,
        "profiles.yml": PROFILES,
        "models/m.sql": "SELECT 1",
        "dbt_packages/other/dbt_project.yml": "name: other",
        "dbt_packages/other/models/hers.sql": "SELECT 1",
        "dags/qu.py": "",
        "sql/own.sql": "",
    }

    uses, claimed = read_dbt_projects({path: content.encode() for path, content in files.items()})

    assert set(files) - claimed == {"dags/qu.py", "sql/own.sql"}
    assert list(detected(uses).written) == ["db_shop.m"]


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT * FROM other_schema.raw_table", ["other_schema.raw_table"]),
        ("{# {{ ref('nothing') }} #} SELECT 1", []),
        ("SELECT * FROM {{ this }}", ["db_shop.m"]),
        ("SELECT {{ dbt_utils.star(from=ref('other')) }} FROM {{ ref('other') }}", ["db_shop.other"]),
        (
            "{{ dbt_utils.union_relations(relations=[ref('other'), source('raw', 'events')]) }}",
            ["db_shop.other", "raw.events"],
        ),
        ("WITH a AS ({{ dbt_utils.deduplicate(relation=ref('other')) }}) SELECT * FROM a", ["db_shop.other"]),
        ("{% set r = ref('other') %}SELECT * FROM {{ r }}", ["db_shop.other"]),
        ("SELECT * FROM {{ ref('other') }} WHERE a > '{{ var('start') }}' LIMIT {{ var('n', 5) }}", ["db_shop.other"]),
        ("SELECT {% for c in ['a', 'b'] %}{{ c }}{% if not loop.last %},{% endif %}{% endfor %} FROM a.b", ["a.b"]),
        ("SELECT * FROM {% if x %}a.b{% else %}{{ ref('other') }}{% endif %}", ["a.b", "db_shop.other"]),
        ("SELECT * FROM {{ target.schema }}.by_hand", ["db_shop.by_hand"]),
        ('SELECT * FROM {{ ref("shop", "other") }}', ["db_shop.other"]),
        ("{% if is_incremental() %}{% set a = 'x' %}{% endif %}SELECT * FROM {{ ref('other') }}", ["db_shop.other"]),
    ],
)  # fmt: skip
def test_what_a_model_reads_is_told(sql: str, reads: list[str]) -> None:
    assert own(found_by(sql)) == (reads, [])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM {{ ref(which) }}",
        "SELECT * FROM {{ ref('of_' ~ which) }}",
        "SELECT * FROM {{ ref('nothing') }}",
        "SELECT * FROM {{ ref('package', 'other') }}",
        "SELECT * FROM {{ ref('other', v=3) }}",
        "SELECT * FROM {{ source('raw', 'nothing') }}",
        "SELECT * FROM {{ source('raw', env_var('TABLE', 'events')) }}",
        "SELECT * FROM {{ var('table') }}",
        "SELECT * FROM {{ var('schema') }}.events",
        "SELECT * FROM {{ some_macro() }}",
        "SELECT * FROM {{ package.some_macro() }}",
        "SELECT {{ package.some_macro() }} AS x",
        "SELECT * FROM raw_{{ x }}.t",
        "SELECT * FROM a_table_without_a_schema",
        "{% do run_query('DELETE FROM a.b') %}SELECT 1",
        "{% set q %}SELECT * FROM {{ x }}.y{% endset %}SELECT 1 AS one",
        "{% set q = 'SELECT x FROM a.b' %}SELECT * FROM {{ ref('other') }} WHERE x IN ({{ q }})",
        "{% call statement('s') %}DELETE FROM a.b{% endcall %}SELECT 1",
        "{% do adapter.drop_relation(this) %}SELECT 1",
        "{{ adapter.dispatch('x')() }} SELECT 1",
        "SELECT * FROM {{ ref(*names) }}",
        "SELECT * FROM {{ api.Relation.create(schema='a', identifier='b') }}",
        "SELECT * FROM",
        "{{ config(",
        "{% if x %}SELECT 1",
    ],
)
def test_what_cannot_be_told_is_unknown_at_its_line(sql: str) -> None:
    reads, unknown = own(found_by(f"\n{sql}"))

    assert unknown in (["dbt/models/m.sql:2"], ["dbt/models/m.sql:3"])
    assert set(reads) <= {"db_shop.other"}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("", "db_shop.m"),
        ("alias='X'", "db_shop.x"),
        ("schema='marts'", "db_shop_marts.m"),
        ("schema=none", "db_shop.m"),
        ("database='lake'", "lake.db_shop.m"),
        ("catalog='lake', schema='marts', alias='x'", "lake.db_shop_marts.x"),
        ("{'alias': 'x'}", "db_shop.x"),
        ("alias=('a' ~ '_b')|upper", "db_shop.a_b"),
        ("alias=this.name", None),
        ("alias=env_var('A', 'b')", None),
        ("**settings", None),
        ("alias='a.b'", None),
        ("materialized='incremental' if target.name == 'prod' else 'table'", "db_shop.m"),
        ("materialized='incremental' if is_it() else 'view'", "db_shop.m"),
        ("materialized='ephemeral' if is_it() else 'view'", None),
        ("materialized=var('m')", None),
        ("enabled=is_it()", "db_shop.m"),
    ],
)
def test_a_models_name_follows_its_config(config: str, name: str | None) -> None:
    found = found_by(f"{{{{ config({config}) }}}} SELECT 1 AS one")

    assert name_of(found) == name
    assert ("dbt/models/m.sql:1" in found.unknown) == (name is None or "enabled" in config)


def test_a_config_under_a_condition_may_say_anything() -> None:
    found = found_by("{% if target.name == 'ci' %}{{ config(alias='x') }}{% endif %} SELECT 1 AS one")

    assert name_of(found) is None
    assert "dbt/models/m.sql:1" in found.unknown


def test_configs_of_the_project_the_properties_and_the_model_hold_in_this_order() -> None:
    project = PROJECT + "models: {shop: {+alias: far, +schema: far, deep: {+schema: folder}}, +materialized: view}\n"
    properties = "models: [{name: m, config: {alias: '{{ \"nearer\" }}'}}]\n"
    files = {"dbt/models/deep/m.sql": "SELECT 1", "dbt/models/n.sql": "{{ config(alias='near') }}SELECT 1"}

    found = found_in({**files, "dbt/models/p.yml": properties}, project=project)

    assert sorted(found.written) == ["db_shop_far.near", "db_shop_folder.nearer"]


def test_packages_that_may_have_models_are_unknown() -> None:
    packages = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n  - package: fivetran/zendesk\n"

    found = found_in({"dbt/packages.yml": packages})

    assert found.unknown == ("dbt/packages.yml:4",)


def test_models_may_lie_in_the_projects_own_folder() -> None:
    project = "name: x\nprofile: shop\nmodel-paths: [.]"
    files = {"dbt_project.yml": project, "profiles.yml": PROFILES, "m.sql": "SELECT 1"}

    uses, _ = read_dbt_projects({path: content.encode() for path, content in files.items()})

    assert list(detected(uses).written) == ["db_shop.m"]


def test_disabled_and_ephemeral_models_are_no_tables_but_the_ephemeral_ones_reads_count() -> None:
    files = {
        "dbt/models/off.sql": "{{ config(enabled=false) }} SELECT * FROM a.off",
        "dbt/models/part.sql": "{{ config(materialized='ephemeral') }} SELECT * FROM a.part",
        "dbt/models/m.sql": "SELECT * FROM {{ ref('part') }}",
    }

    found = found_in(files)

    assert (list(found.read), list(found.written), found.unknown) == (["a.part"], ["db_shop.m"], ())


def test_hooks_are_read_as_sql() -> None:
    config = "{{ config(\n  pre_hook='DELETE FROM {{ this }}',\n  post_hook=[\"INSERT INTO log.runs SELECT 1\", x]) }}"

    found = found_by(f"{config}\nSELECT 1 AS one")

    assert found.written["db_shop.m"] == ("dbt/models/m.sql:1", "dbt/models/m.sql:2")
    assert found.written["log.runs"] == ("dbt/models/m.sql:3",)
    assert found.unknown == ("dbt/models/m.sql:3",)


@pytest.mark.parametrize(
    "hook", ["{{ dbt_utils.clean(this) }}", "{{ some_macro() }}", "DELETE FROM {{ x }}", "{{ broken"]
)
def test_a_hook_that_a_macro_makes_is_unknown(hook: str) -> None:
    found = found_by(
        "SELECT 1 AS one", **{"dbt/models/p.yml": f'models: [{{name: m, config: {{post-hook: "{hook}"}}}}]'}
    )

    assert found.unknown == ("dbt/models/m.sql:1",)


def test_hooks_of_the_run_are_told_at_their_line() -> None:
    project = PROJECT + "on-run-start: 'DELETE FROM log.runs'\non-run-end:\n  - '{{ write_it() }}'\n"

    found = found_in({}, project=project)

    assert found.written == {"log.runs": ("dbt/dbt_project.yml:3",)}
    assert found.unknown == ("dbt/dbt_project.yml:4",)


@pytest.mark.parametrize(
    ("body", "reads", "is_unknown"),
    [
        ("round({{ x }} / 100, 2)", [], False),
        ("SELECT max(day) FROM {{ x }}", [], False),
        ("(SELECT max(day) FROM {{ ref('other') }})", ["db_shop.other"], False),
        ("extract(year FROM {{ x }}) -- taken from it", [], False),
        ("(SELECT max(day) FROM a.b)", [], True),
        ("{% set q = 'INSERT INTO a.b SELECT 1' %}{{ return(q) }}", [], True),
        ("DELETE FROM {{ x }}", [], True),
        ("DROP TABLE {{ x }}", [], True),
        ("OPTIMIZE {{ x }}", [], True),
        ("{% do run_query(x) %}", [], True),
        ("FROM {{ var('s') }}.t", [], True),
    ],
)
def test_a_macro_is_read_by_itself(body: str, reads: list[str], is_unknown: bool) -> None:  # noqa: FBT001 -- a case
    macro = f"\n{{% macro own(x) %}}{body}{{% endmacro %}}"

    found = found_by("SELECT {{ own('a') }} AS b FROM {{ ref('other') }}", **{"dbt/macros/own.sql": macro})

    assert [table for table, places in found.read.items() if any("own.sql" in place for place in places)] == reads
    assert found.unknown == (("dbt/macros/own.sql:2",) if is_unknown else ())


def test_seeds_and_snapshots_are_written() -> None:
    files = {
        "dbt/seeds/codes.csv": "a\n1\n",
        "dbt/snapshots/s.sql": ""
        "{% snapshot old %}{{ config(target_schema='kept') }}SELECT 1 FROM a.b{% endsnapshot %}\n"
        "{% snapshot new %}{{ config(schema='kept') }}SELECT * FROM {{ ref('codes') }}{% endsnapshot %}",
        "dbt/snapshots/s.yml": "snapshots:\n  - name: newest\n    relation: ref('codes')\n",
    }

    found = found_in(files)

    assert found.written == {
        "db_shop.codes": ("dbt/seeds/codes.csv:1",),
        "db_shop.newest": ("dbt/snapshots/s.yml:2",),
        "db_shop_kept.new": ("dbt/snapshots/s.sql:2",),
        "kept.old": ("dbt/snapshots/s.sql:1",),
    }
    assert found.read == {
        "a.b": ("dbt/snapshots/s.sql:1",),
        "db_shop.codes": ("dbt/snapshots/s.sql:2", "dbt/snapshots/s.yml:3"),
    }
    assert found.unknown == ()


def test_the_newest_version_of_a_model_is_what_its_name_means() -> None:
    versions = "models: [{name: m, versions: [{v: 2}, {v: 10, config: {alias: m}}]}]"
    files = {"dbt/models/m_v2.sql": "SELECT 1", "dbt/models/m_v10.sql": "SELECT 1", "dbt/models/p.yml": versions}

    found = found_in({**files, "dbt/models/n.sql": "SELECT * FROM {{ ref('m') }}\nJOIN {{ ref('m', v=2) }}"})

    assert found.read == {"db_shop.m": ("dbt/models/n.sql:1",), "db_shop.m_v2": ("dbt/models/n.sql:2",)}


def test_a_python_model_is_written_and_its_calls_with_literals_are_read() -> None:
    python = (
        "def model(dbt, session):\n"
        "    dbt.config(alias='x', materialized='incremental')\n"
        "    a = dbt.ref('other')\n"
        "    b = dbt.source('raw', 'events')\n"
        "    c = dbt.ref(which)\n"
        "    return session.table('a.b')\n"
    )

    found = found_in({"dbt/models/m.py": python, "dbt/models/other.sql": "SELECT 1", "dbt/models/sources.yml": SOURCES})

    assert found.read == {
        "a.b": ("dbt/models/m.py:6",),
        "db_shop.other": ("dbt/models/m.py:3",),
        "raw.events": ("dbt/models/m.py:4",),
    }
    assert name_of(found, "dbt/models/m.py") == "db_shop.x"
    assert found.unknown == ("dbt/models/m.py:5",)


@pytest.mark.parametrize(
    ("dags", "name"),
    [
        (DAG, "db_shop.m"),
        ("BashOperator(env=dict(DBT_SCHEMA=schema('db_shop')))", "db_shop.m"),
        ('os.environ["DBT_SCHEMA"] = f"{x}"', None),
        ("", None),
        (DAG + DAG.replace("db_shop", "db_other"), None),
        (DAG.replace("{{ schema('db_shop') }}", "{{ schema('db_shop') }}_mine"), None),
        (DAG.replace("{{ schema('db_shop') }}", "analytics"), "analytics.m"),
        ("export DBT_SCHEMA={{ schema('db_shop') }}\n", "db_shop.m"),
    ],
)
def test_the_target_schema_is_what_the_dags_hand_over(dags: str, name: str | None) -> None:
    found = found_in({"dags/qu.py": dags, "dbt/models/m.sql": "SELECT 1 AS one"}, profiles=HANDED_PROFILES)

    assert name_of(found) == name
    assert found.unknown == (() if name else ("dbt/models/m.sql:1",))


def test_what_a_workflow_hands_over_is_not_the_pipelines() -> None:
    files = {
        "dags/qu.py": DAG,
        ".github/workflows/ci.yml": "env: {DBT_SCHEMA: ci}",
        "dbt/models/m.sql": "SELECT 1",
    }

    assert name_of(found_in(files, profiles=HANDED_PROFILES)) == "db_shop.m"


def test_a_schema_joined_to_the_environments_own_is_none_that_the_environment_has() -> None:
    """What dbt would make is db_shop_feature1_marts: neither db_shop's nor db_shop_marts' schema there."""
    files = {"dags/qu.py": DAG, "dbt/models/m.sql": "{{ config(schema='marts') }}SELECT 1"}

    found = found_in(files, profiles=HANDED_PROFILES)

    assert (found.written, found.unknown) == ({}, ("dbt/models/m.sql:1",))


def test_outputs_that_disagree_leave_the_schema_unknown() -> None:
    profiles = "shop: {target: dev, outputs: {dev: {schema: a}, prod: {schema: b}}}"

    assert found_in({"dbt/models/m.sql": "SELECT 1"}, profiles=profiles).unknown == ("dbt/models/m.sql:1",)


@pytest.mark.parametrize(
    ("dags", "unknown"), [("", ()), ("dbt run --vars '{{ params.vars }}'", ("dbt/models/m.sql:1",))]
)
def test_variables_of_the_project_hold_where_nobody_can_hand_over_others(dags: str, unknown: tuple[str, ...]) -> None:
    project = PROJECT + "vars: {s: everywhere, shop: {s: own}}\n"
    sources = "sources: [{name: raw, schema: \"{{ var('s') }}\", tables: [{name: t}]}]"
    files = {"dags/qu.py": dags, "dbt/models/s.yml": sources}

    found = found_in({**files, "dbt/models/m.sql": "SELECT * FROM {{ source('raw', 't') }}"}, project=project)

    assert found.unknown == unknown
    assert list(found.read) == ([] if unknown else ["own.t"])


IF_GIVEN = "{% if custom_schema_name is none %}{{ target.schema }}{% else %}{{ custom_schema_name | trim }}{% endif %}"
EITHER = "{% if target.type == node.x %}{{ target.schema }}{% else %}{{ target.schema }}{% endif %}"


@pytest.mark.parametrize(
    ("body", "name", "custom"),
    [
        (IF_GIVEN, "db_shop.m", "marts.n"),
        ("{{ custom_schema_name or target.schema }}", "db_shop.m", "marts.n"),
        ("{%- set d = target.schema -%}{{ return(d) }}", "db_shop.m", "db_shop.n"),
        ("{{ generate_schema_name_for_env(custom_schema_name, node) }}", "db_shop.m", "db_shop.n"),
        ("{{ dbt.generate_schema_name(custom_schema_name, node) }}", "db_shop.m", "db_shop_marts.n"),
        ("{{ default__generate_schema_name(custom_schema_name, node) }}", "db_shop.m", "db_shop_marts.n"),
        (EITHER, "db_shop.m", "db_shop.n"),
        ("{% if target.type == node.x %}a{% else %}b{% endif %}", None, None),
        ("{% for x in y %}{{ x }}{% endfor %}", None, None),
        ("{{ other_macro(custom_schema_name) }}", None, None),
        ("{{ generate_schema_name(custom_schema_name, node) }}", None, None),
    ],
)
def test_a_projects_own_naming_macro_is_followed_where_its_outcome_is_certain(
    body: str, name: str | None, custom: str | None
) -> None:
    macro = f"{{% macro generate_schema_name(custom_schema_name, node) -%}} {body} {{%- endmacro %}}"
    files = {"dbt/models/m.sql": "SELECT 1", "dbt/models/n.sql": "{{ config(schema='marts') }}SELECT 1"}

    found = found_in({**files, "dbt/macros/g.sql": macro})

    assert (name_of(found), name_of(found, "dbt/models/n.sql")) == (name, custom)
    assert len(found.unknown) == (0 if name else 2)


def test_a_naming_macro_for_one_adapter_makes_names_unknown() -> None:
    macro = "{% macro databricks__generate_schema_name(custom_schema_name, node) %}x{% endmacro %}"

    found = found_in({"dbt/models/m.sql": "SELECT 1", "dbt/macros/g.sql": macro})

    assert (found.written, found.unknown) == ({}, ("dbt/models/m.sql:1",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "content", "unknown"),
    [
        ("dbt/models/p.yml", "models: [", "dbt/models/p.yml:1"),
        ("dbt/models/p.yml", "models: {a: 1}\nsources: 7\nseeds: [x, {config: 3}]", None),
        ("dbt/models/p.yml", "- a", None),
        ("dbt/models/b.sql", "\n{% if %}", "dbt/models/b.sql:2"),
        ("dbt/models/b.py", "\ndef (", "dbt/models/b.py:2"),
        ("dbt/macros/b.sql", "{% macro a( %}", "dbt/macros/b.sql:1"),
        ("dbt/snapshots/b.sql", "{% snapshot a %}", "dbt/snapshots/b.sql:1"),
        ("dbt/models/b.sql", "{{ " + "(" * 5_000 + " }}", "dbt/models/b.sql:1"),
        ("dbt/models/b.sql", "{{ x" + ".a" * 5_000 + " }}", "dbt/models/b.sql:1"),
        ("dbt/profiles.yml", "shop: [", None),
    ],
)
def test_a_broken_file_is_unknown_and_no_error(path: str, content: str, unknown: str | None) -> None:
    found = found_in({path: content})

    assert found.unknown == ((unknown,) if unknown else ())


@pytest.mark.parametrize("project", ["name: [", "[]", "7", "name: {a: b}\nmodel-paths: [[1], '../..', 7]\nvars: 3"])
def test_a_broken_project_is_no_error(project: str) -> None:
    found_in({"dbt/models/m.sql": "SELECT 1"}, project=project)


@pytest.mark.slow
def test_a_text_that_would_grow_without_end_is_given_up() -> None:
    doubled = "{% set a = 'x' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}"
    macro = f"{{% macro generate_schema_name(custom_schema_name, node) %}}{doubled}{{% endmacro %}}"
    tests = "{% if a %}x" + "".join(f"{{% elif a{n} %}}x" for n in range(2_000)) + "{% endif %}"
    started = time.monotonic()

    found = found_by(f"SELECT {tests} FROM {{{{ ref('other') }}}}", **{"dbt/macros/g.sql": macro})

    assert "dbt/models/m.sql:1" in found.unknown
    assert time.monotonic() - started < 10
