from __future__ import annotations

import pytest

from dagbranch.domain.sql_templates import read_template
from dagbranch.domain.table_uses import Uses


def told(uses: Uses) -> tuple[set[str], set[str], set[int]]:
    return set(uses.read), set(uses.written), uses.unknown


def test_lines_are_those_of_the_template() -> None:
    uses = read_template(
        "{# a\n comment #}\n{%- set x = 1 -%}\n\nINSERT INTO {{ schema('db') }}.x\nSELECT {{\n a\n}}\nFROM a.y\n"
        "{% if b %}\nJOIN a.z\n{% endif %}"
    )

    assert uses.written == {"db.x": {5}}
    assert uses.read == {"a.y": {9}, "a.z": {11}}
    assert uses.unknown == set()


@pytest.mark.parametrize(
    "name",
    [
        "{{ params.schema }}.x",
        "db_{{ environment }}.x",
        "{{ schema('db') }}_more.x",
        "more_{{ schema('db') }}.x",
        "{{ schema(params.db) }}.x",
        "db.x_{{ ds_nodash }}",
        "db.{{ x }}",
        "`db`.`{{ x }}`",
        "{{ table }}",
        "{{ setting('schema') }}.x",
        "db.{% include 'name.txt' %}",
        "{{ schema }}.x",
        "{{ other.schema('db') }}.x",
        "IDENTIFIER('{{ x }}')",
    ],
)
def test_a_name_that_is_put_together_from_what_is_not_known_is_unknown(name: str) -> None:
    uses = read_template(f"DELETE FROM {name} WHERE d = '{{{{ ds }}}}'")

    assert told(uses) == (set(), set(), {1})


@pytest.mark.parametrize(
    "name",
    [
        "{{ schema('db') }}.x",
        "{{ schema('db') | upper }}.x",
        "IDENTIFIER('{{ schema(\"db\") }}.x')",
        "{{ 'db' ~ '.x' }}",
        "{{ 'db.' + 'x' }}",
        "{{ ['db.x', 'db.y'][0] }}",
        "{{ {'a': 'db.x'}.a }}",
        "{% raw %}db.x{% endraw %}",
        "db{# here #}.x",
        "{{ 'DB.X' | lower | trim }}",
        "{% set a = 'db' %}{{ a }}.x",
        "{% with a = 'db' %}{{ a }}.x{% endwith %}",
        "{% set a %}db{% endset %}{{ a }}.x",
        "{% macro m(a, b='x') %}{{ a }}.{{ b }}{% endmacro %}{{ m('db') }}",
        "{% block name %}db.x{% endblock %}",
        "{% if true %}db.x{% else %}db.y{% endif %}",
        "{% if 'a' == 'b' %}db.y{% else %}db.x{% endif %}",
    ],
)
def test_a_name_that_is_certain_is_told(name: str) -> None:
    assert told(read_template(f"DELETE FROM {name}")) == (set(), {"db.x"}, set())


def test_every_combination_of_tests_is_read() -> None:
    uses = read_template(
        "{% if a %}DELETE FROM{% else %}SELECT * FROM{% endif %} "
        "{% if b %}db.x{% elif c %}db.y{% else %}db.z{% endif %}"
    )

    assert told(uses) == ({"db.x", "db.y", "db.z"}, {"db.x", "db.y", "db.z"}, set())


def test_the_same_test_goes_the_same_way_everywhere() -> None:
    uses = read_template(
        "{% if full %}CREATE TABLE db.x AS{% endif %}{% if not full %}INSERT INTO db.x{% endif %} SELECT * FROM db.y"
    )

    assert uses.unknown == set()


def test_a_test_of_what_changes_may_go_otherwise_the_next_time() -> None:
    uses = read_template(
        "{% set a = f() %}{% if a %}DELETE FROM{% else %}SELECT * FROM{% endif %} "
        "{% set a = g() %}{% if a %}db.x{% else %}db.y{% endif %}"
    )

    assert set(uses.written) == {"db.x", "db.y"}


def test_more_combinations_than_are_read_are_unknown_at_each_test() -> None:
    tests = "\n".join(f"{{% if a{number} %}}AND b{number}{{% endif %}}" for number in range(10))

    uses = read_template(f"DELETE FROM db.x WHERE true\n{tests}")

    assert set(uses.written) == {"db.x"}
    assert uses.unknown == set(range(2, 12))


def test_a_loop_over_what_is_written_out_goes_through_all_of_it() -> None:
    uses = read_template(
        "{% for s, t in [('a', 'b'), ('c', 'd')] %}INSERT INTO db.{{ t }} SELECT * FROM db.{{ s }};\n{% endfor %}"
        "{% for k, v in {'e': 'f'}.items() %}INSERT INTO db.{{ k }} SELECT * FROM db.{{ v }};{% endfor %}"
    )

    assert told(uses) == ({"db.a", "db.c", "db.f"}, {"db.b", "db.d", "db.e"}, set())


@pytest.mark.parametrize(
    "between",
    [
        "{% if not loop.last %}UNION ALL{% endif %}",
        "{{ 'UNION ALL' if not loop.last }}",
        "{{ '' if loop.last else 'UNION ALL' }}",
        "{% if loop.index < loop.length %}UNION ALL{% endif %}",
    ],
)
@pytest.mark.parametrize("items", ["items", "['a', 'b']"])
def test_what_stands_between_the_items_of_a_loop_does_not_disturb(items: str, between: str) -> None:
    uses = read_template(f"{{% for i in {items} %}}SELECT {{{{ i }}}} FROM db.x {between} {{% endfor %}}")

    assert told(uses) == ({"db.x"}, set(), set())


def test_a_list_that_grows_is_not_known() -> None:
    uses = read_template("{% set l = ['a'] %}{% do l.append(x) %}{% for t in l %}DELETE FROM db.{{ t }};{% endfor %}")

    assert told(uses) == (set(), set(), {1})


@pytest.mark.parametrize(
    "template",
    [
        "{{ before }} SELECT * FROM db.x",
        "{% include 'header.sql' %}\nSELECT 1",
        "{% extends 'base.sql' %}",
        "{% call m() %}DELETE FROM db.x{% endcall %}",
        "{% filter upper %}DELETE FROM db.x{% endfilter %}",
        "INSERT INTO db.x {{ query }}",
        "{% unknown_tag %}",
        "{{ broken",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_statements_from_elsewhere_are_unknown(template: str) -> None:
    assert 1 in read_template(template).unknown


def test_a_schema_in_use_that_depends_on_a_test_is_not_known() -> None:
    uses = read_template("USE {% if a %}b{% else %}c{% endif %};\nDELETE FROM x")

    assert told(uses) == (set(), set(), {2})


def test_a_macro_called_schema_of_the_template_itself_is_not_ours() -> None:
    uses = read_template("{% from 'lib.sql' import schema %}DELETE FROM {{ schema('db') }}.x")

    assert told(uses) == (set(), set(), {1})


def test_no_code_of_a_template_is_run() -> None:
    uses = read_template("{{ ().__class__.__base__.__subclasses__() }}{% for x in range(10**12) %}a{% endfor %}")

    assert uses.unknown == {1}
