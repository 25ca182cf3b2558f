from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.access import READ, WRITE, Access, plan_access
from dagbranch.domain.warehouse_state import Grant


def test_readers_may_query_and_writers_may_also_write_and_make_tables() -> None:
    grants = Access(("analysts",), ("airflow",)).grants

    assert {grant.privilege for grant in grants if grant.principal == "analysts"} == {"USE SCHEMA", "SELECT"}
    assert {grant.privilege for grant in grants if grant.principal == "airflow"} == {
        "USE SCHEMA",
        "SELECT",
        "MODIFY",
        "CREATE TABLE",
    }


def test_what_is_missing_is_given_and_what_is_too_much_is_taken_one_statement_per_principal() -> None:
    granted = {"f": {Grant("analysts", "SELECT"), Grant("analysts", "MODIFY"), Grant("guest", "ALL PRIVILEGES")}}

    plan = plan_access(["f", "g"], Access(("analysts",)), granted)

    assert [statement.sql for statement in plan.revokes] == [
        "REVOKE MODIFY ON SCHEMA `f` FROM `analysts`",
        "REVOKE ALL PRIVILEGES ON SCHEMA `f` FROM `guest`",
    ]
    assert [statement.sql for statement in plan.grants] == [
        "GRANT USE SCHEMA ON SCHEMA `f` TO `analysts`",
        "GRANT SELECT, USE SCHEMA ON SCHEMA `g` TO `analysts`",
    ]


def test_a_principal_that_the_warehouse_spells_in_another_case_is_the_same() -> None:
    granted = {"f": {Grant("ANALYSTS", "USE SCHEMA"), Grant("Analysts", "SELECT")}}

    plan = plan_access(["f"], Access(("analysts",)), granted)

    assert (plan.revokes, plan.grants) == ((), ())


principals = st.sampled_from(["a", "A", "b", "c d", "me@acme.org"])
privileges = st.sampled_from([*WRITE, "ALL PRIVILEGES", "MANAGE"])


@given(
    st.sets(st.builds(Grant, principals, privileges)), st.builds(Access, st.tuples(principals), st.tuples(principals))
)
def test_after_a_plan_the_grants_are_those_wanted_and_a_second_plan_is_empty(found: set[Grant], access: Access) -> None:
    plan = plan_access(["f"], access, {"f": found})

    stands = {(grant.principal.lower(), grant.privilege) for grant in found}
    for statement in (*plan.revokes, *plan.grants):
        verb, rest = statement.sql.split(" ", 1)
        names, rest = rest.split(" ON SCHEMA `f` ")
        keys = {(rest.split("`")[1].lower(), name) for name in names.split(", ")}
        stands = stands - keys if verb == "REVOKE" else stands | keys
    assert stands == {(grant.principal.lower(), grant.privilege) for grant in access.grants}
    again = plan_access(["f"], access, {"f": {Grant(*key) for key in stands}})
    assert (again.revokes, again.grants) == ((), ())


def test_privileges_are_those_that_unity_catalog_has_for_schemas() -> None:
    """Databricks, "Unity Catalog privileges and securable objects"."""
    assert set(READ) < set(WRITE) <= {"USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE"}
