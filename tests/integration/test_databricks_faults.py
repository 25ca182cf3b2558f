"""What goes wrong between dagbranch and a warehouse, made to go wrong on real Spark: nothing is lost, all is told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.databricks_scripts import KnownForms
from dagbranch.adapters.databricks_session import Patience
from dagbranch.domain.statements import Statement, create_table_like, create_view, insert_overwrite, shallow_clone
from dagbranch.errors import TransientUpstreamError, UpstreamError
from local.certificates import Certificates
from local.processes import wait_until
from local.warehouse.faults import Fault
from local.warehouse.process import LocalWarehouse
from tests.integration.data_project import Project, adapter_of

ALL = "{read: all}"
SOME = '{read: ["m_00*", "m_01*", "m_02*", "m_03*"]}'
TABLES = 500
ALWAYS = 1_000_000
UNKNOWN = "[PARSE_SYNTAX_ERROR] Syntax error at or near '{0}'. SQLSTATE: 42601 (line 1, pos 0)"
WITHOUT_SCRIPTS = Fault("refuse", "BEGIN", times=ALWAYS, message=UNKNOWN.format("BEGIN"))
WITHOUT_EVOLUTION = Fault("refuse", "WITH SCHEMA EVOLUTION", times=ALWAYS, message=UNKNOWN.format("SCHEMA"))

type Connect = Callable[..., DatabricksWarehouse]


@pytest.fixture
def connect(
    warehouse: LocalWarehouse, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connect]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    opened: list[DatabricksWarehouse] = []

    def make(**other: object) -> DatabricksWarehouse:
        opened.append(adapter_of(warehouse, **other))
        return opened[-1]

    yield make
    for adapter in opened:
        adapter.close()


def make_base(warehouse: LocalWarehouse, tables: int) -> str:
    name = f"db_{uuid.uuid4().hex[:8]}"
    warehouse.query(f"CREATE SCHEMA {name}_test")
    made = "".join(f"CREATE TABLE {name}_test.m_{number:03} (id INT) USING parquet;\n" for number in range(tables))
    warehouse.query(f"BEGIN\n{made}END")
    return name


def drop_schemas(warehouse: LocalWarehouse, name: str) -> None:
    for (schema,) in warehouse.query(f"SHOW SCHEMAS LIKE '{name}_*'"):
        warehouse.query(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="module")
def base(warehouse: LocalWarehouse) -> Iterator[str]:
    name = make_base(warehouse, 120)
    yield name
    drop_schemas(warehouse, name)


@pytest.fixture
def project(warehouse: LocalWarehouse, base: str, connect: Connect) -> Project:
    return Project(base, f"f{uuid.uuid4().hex[:8]}", connect(), warehouse.query)


def views_of(project: Project, count: int = 120) -> list[Statement]:
    return [create_view(f"{project.target}.v_{n:03}", f"{project.base}.m_{n:03}") for n in range(count)]


@pytest.mark.parametrize("action", ["cut", "lose"])
def test_a_connection_that_is_cut_in_a_script_passes_and_the_next_run_goes_on(
    warehouse: LocalWarehouse, project: Project, action: str
) -> None:
    with warehouse.faults(Fault("lose" if action == "lose" else "cut", "BEGIN", skip=1)):
        with pytest.raises(TransientUpstreamError, match="a script of 24 statements: CREATE VIEW") as raised:
            project.provision(ALL)

        project.provision_until_done(ALL)

    ran = {str(statement) for statement in raised.value.ran}
    assert 1 < len(ran) < 121, "the other scripts, and the schema"
    assert len(project.kinds()) == 120
    assert project.plan(ALL).everything() == ()


@pytest.mark.parametrize("action", ["cut", "lose"])
def test_a_connection_that_is_cut_in_one_of_many_statements_passes_and_the_next_run_goes_on(
    warehouse: LocalWarehouse, project: Project, action: str
) -> None:
    cut = Fault("lose" if action == "lose" else "cut", "`m_042`")
    with warehouse.faults(WITHOUT_SCRIPTS, Fault(cut.action, cut.match, skip=1)):
        with pytest.raises(TransientUpstreamError, match="m_042") as raised:
            project.provision(ALL)

        project.provision_until_done(ALL)

    assert len(raised.value.ran) == 120, "the schema, and all views but that one"
    assert project.plan(ALL).everything() == ()


def test_a_cut_connection_is_not_mended_by_sending_a_statement_again(
    warehouse: LocalWarehouse, project: Project
) -> None:
    project.query(f"CREATE SCHEMA {project.target}")
    view = create_view(f"{project.target}.v", f"{project.base}.m_001")

    with warehouse.faults(Fault("lose", "`v`")), pytest.raises(TransientUpstreamError, match=r"closed connection|EOF"):
        project.warehouse.run([[view]], project.fence())

    wait_until(lambda: project.kinds() == {"v": "view"}, what="the statement that went on", deadline_seconds=30)


def test_one_bad_statement_among_120_is_named_and_all_others_run(project: Project) -> None:
    project.query(f"CREATE SCHEMA {project.target}")
    bad = create_view(f"{project.target}.bad", f"{project.base}.nowhere")
    views = views_of(project)

    with pytest.raises(UpstreamError) as raised:
        project.warehouse.run([[*views[:60], bad, *views[60:]]], project.fence())

    assert str(raised.value).count("\n") == 0
    assert "`bad`" in str(raised.value)
    assert "TABLE_OR_VIEW_NOT_FOUND" in str(raised.value)
    assert set(raised.value.ran) == set(views)
    assert len(project.kinds()) == 120


def test_what_exists_already_is_an_error_also_in_a_script_without_scripts(
    warehouse: LocalWarehouse, project: Project
) -> None:
    """Only what was part of a script that failed may have been done by it."""
    project.query(f"CREATE SCHEMA {project.target}")
    views = views_of(project, 30)
    project.warehouse.run([views[:1]], project.fence())

    with warehouse.faults(WITHOUT_SCRIPTS), pytest.raises(TransientUpstreamError, match="ALREADY_EXISTS") as raised:
        project.warehouse.run([views], project.fence())

    assert set(raised.value.ran) == set(views[1:])


def test_two_provisions_of_one_environment_at_once_end_as_one(project: Project, connect: Connect) -> None:
    both = [Project(project.schema, project.environment, connect(), project.query) for _ in range(2)]
    uses = "{read: all, write: {m_001: {}, m_002: {}}}"

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda each: each.provision_until_done(uses), both))

    assert list(project.kinds().values()).count("view") == 118
    assert project.plan(uses).everything() == ()


def test_five_hundred_tables(warehouse: LocalWarehouse, connect: Connect) -> None:
    name = make_base(warehouse, TABLES)
    project = Project(name, "wide", connect(), warehouse.query)

    project.provision(ALL)

    assert len(project.kinds()) == TABLES
    assert project.plan(ALL).everything() == ()


def test_a_warehouse_without_scripts_is_asked_once_and_given_single_statements(
    warehouse: LocalWarehouse, project: Project, connect: Connect
) -> None:
    forms = KnownForms()
    first = Project(project.schema, project.environment, connect(forms=forms), project.query)
    second = Project(project.schema, f"g{uuid.uuid4().hex[:8]}", connect(forms=forms), project.query)

    with warehouse.faults(WITHOUT_SCRIPTS):
        first.provision(SOME)
    with warehouse.faults(Fault("cut", "BEGIN", times=ALWAYS)):
        second.provision(SOME)

    assert not forms.scripts
    assert len(first.kinds()) == len(second.kinds()) == 40


def test_a_warehouse_that_does_not_know_evolving_views_gets_plain_ones(
    warehouse: LocalWarehouse, project: Project, connect: Connect
) -> None:
    forms = KnownForms()
    project.warehouse = connect(forms=forms)

    with warehouse.faults(WITHOUT_EVOLUTION):
        project.provision(ALL)
        details = project.warehouse.details([f"{project.target}.m_001", f"{project.target}.m_119"])

    assert (forms.scripts, forms.unknown) == (True, {"CREATE VIEW WITH SCHEMA EVOLUTION"})
    assert [each.follows for each in details.values()] == [False, False]
    assert len(project.kinds()) == 120


def test_a_warehouse_that_cannot_clone_gets_an_empty_table_instead(project: Project, connect: Connect) -> None:
    """As Spark without Delta is: it does not know the statement."""
    forms = KnownForms()
    project.warehouse = connect(forms=forms)
    project.query(f"CREATE SCHEMA {project.target}")
    clones = [_clone(project, n) for n in range(3)]

    project.warehouse.run([clones], project.fence())

    assert forms.unknown == {"CREATE TABLE SHALLOW CLONE"}
    assert project.kinds() == {"t_0": "table", "t_1": "table", "t_2": "table"}


def test_a_table_that_cannot_be_cloned_does_not_keep_others_from_it(
    warehouse: LocalWarehouse, project: Project, connect: Connect
) -> None:
    forms = KnownForms()
    project.warehouse = connect(forms=forms)
    project.query(f"CREATE SCHEMA {project.target}")
    refusal = "[DELTA_CLONE_UNSUPPORTED_SOURCE] Unsupported clone source `t`, whose format is parquet. SQLSTATE: 0AKDC"

    with warehouse.faults(Fault("refuse", "SHALLOW CLONE", message=refusal)):
        project.warehouse.run([[_clone(project, 1)]], project.fence())

    assert forms.unknown == set()
    assert project.kinds() == {"t_1": "table"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("busy", "OpenSession", times=3),
        Fault("busy", "ExecuteStatement", times=3),
        Fault("refuse", "OpenSession", times=3, message="TEMPORARILY_UNAVAILABLE: the warehouse is starting"),
    ],
    ids=["session", "statement", "words"],
)
def test_a_warehouse_that_is_starting_is_waited_for(
    warehouse: LocalWarehouse, project: Project, connect: Connect, fault: Fault
) -> None:
    project.warehouse = connect(patience=Patience(starting_seconds=30))

    with warehouse.faults(fault):
        assert project.warehouse.schemas([project.base]).keys() == {project.base}


def test_a_warehouse_that_does_not_start_is_told_after_one_wait(warehouse: LocalWarehouse, connect: Connect) -> None:
    adapter = connect(patience=Patience(starting_seconds=0.1))

    with warehouse.faults(Fault("busy", "OpenSession", times=ALWAYS)), pytest.raises(TransientUpstreamError) as raised:
        adapter.schemas([f"schema_{number}" for number in range(100)])

    assert str(raised.value) == (
        "the warehouse localhost could not be connected to: it is starting, or has too much to do (for 0.1 s)"
    )


def test_a_statement_that_outlives_the_patience_is_cancelled_and_told(
    warehouse: LocalWarehouse, project: Project, connect: Connect
) -> None:
    endless = f"{project.schema}_test.endless_{project.environment}"
    project.query(f"CREATE SCHEMA {project.target}")
    project.query(f"CREATE VIEW {endless} AS SELECT sum(hash(id)) AS id FROM range(1000000000000000)")
    table = create_table_like(f"{project.target}.t", f"{project.base}.m_001", "none")
    insert = insert_overwrite(f"{project.target}.t", endless, None)
    project.warehouse = connect(patience=Patience(statement_seconds=0.5))

    with pytest.raises(TransientUpstreamError, match=r"did not end 'INSERT.*within 0\.5 s: it was cancelled") as raised:
        project.warehouse.run([[table], [insert]], project.fence())

    assert raised.value.ran == (table,)
    wait_until(lambda: f"failed  {insert.sql}"[:100] in warehouse.log.read_text(), what="its end", deadline_seconds=30)
    project.query(f"DROP VIEW {endless}")


def test_a_service_principal_comes_with_a_token_of_its_own(
    warehouse: LocalWarehouse, project: Project, connect: Connect
) -> None:
    project.warehouse = connect(credentials=warehouse.client_credentials)

    with warehouse.faults(Fault("cut", "grant_type=", skip=1, times=ALWAYS)):
        project.provision(ALL)

    assert len(project.kinds()) == 120, "one token served all sessions"


def test_a_wrong_client_secret_is_an_error_for_good_that_does_not_hold_it(
    warehouse: LocalWarehouse, connect: Connect
) -> None:
    wrong = json.dumps({"client_id": warehouse.client_id, "client_secret": "dose-wrong-secret"})

    with pytest.raises(UpstreamError, match="invalid_client") as raised:
        connect(credentials=wrong).schemas(["anything"])

    assert not isinstance(raised.value, TransientUpstreamError)
    assert warehouse.client_id in str(raised.value)
    assert "dose-wrong-secret" not in str(raised.value)


@pytest.mark.parametrize("action", ["cut", "busy"])
def test_a_token_endpoint_that_does_not_answer_passes(warehouse: LocalWarehouse, connect: Connect, action: str) -> None:
    fault = Fault("busy" if action == "busy" else "cut", "grant_type=", times=ALWAYS)

    with warehouse.faults(fault), pytest.raises(TransientUpstreamError, match="token") as raised:
        connect(credentials=warehouse.client_credentials).schemas(["anything"])

    assert warehouse.client_secret not in str(raised.value)


def _clone(project: Project, number: int) -> Statement:
    table, source = f"{project.target}.t_{number}", f"{project.base}.m_{number:03}"
    return shallow_clone(table, source, "done all", partial(create_table_like, table, source, "pending"))
