"""What the local warehouse promises, through the unmodified Databricks SQL connector."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from databricks.sql.backend.types import CommandState
from databricks.sql.exc import DatabaseError, RequestError, ServerOperationError
from urllib3 import PoolManager, make_headers

from local.certificates import Certificates
from local.processes import wait_until
from local.warehouse.faults import Fault
from local.warehouse.process import LocalWarehouse, MissingJavaError, require_java

MARKER = '{"environment": "feature1", "repository": "acme/pipelines", "note": "it\'s ours"}'


@pytest.fixture
def schema(warehouse: LocalWarehouse) -> Iterator[str]:
    name = f"test_{uuid4().hex[:8]}"
    warehouse.query(f"CREATE SCHEMA {name}")
    yield name
    warehouse.query(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def events(warehouse: LocalWarehouse, schema: str) -> str:
    """A partitioned table with one row on each of three days."""
    table = f"{schema}.m_events"
    warehouse.query(f"CREATE TABLE {table} (id INT, date DATE) USING parquet PARTITIONED BY (date)")
    warehouse.query(f"INSERT INTO {table} VALUES (1, DATE'2026-01-01'), (2, DATE'2026-01-02'), (3, DATE'2026-01-03')")
    return table


def test_a_schema_keeps_the_comment_that_it_was_made_with(warehouse: LocalWarehouse, schema: str) -> None:
    name = f"{schema}_marked"
    quoted = MARKER.replace("'", "\\'")

    warehouse.query(f"CREATE SCHEMA {name} COMMENT '{quoted}'")
    described: dict[str, str] = dict(warehouse.query(f"DESCRIBE SCHEMA EXTENDED {name}"))
    warehouse.query(f"DROP SCHEMA {name}")

    assert described["Comment"] == MARKER


def test_schemas_tables_and_views_are_listed(warehouse: LocalWarehouse, schema: str, events: str) -> None:
    warehouse.query(f"CREATE VIEW {schema}.v_events AS SELECT * FROM {events}")

    assert (schema,) in warehouse.query("SHOW SCHEMAS")
    assert {row[1] for row in warehouse.query(f"SHOW TABLES IN {schema}")} == {"m_events", "v_events"}
    assert [row[1] for row in warehouse.query(f"SHOW VIEWS IN {schema}")] == ["v_events"]


def test_a_view_shows_its_source_and_refuses_writes(warehouse: LocalWarehouse, schema: str, events: str) -> None:
    warehouse.query(f"CREATE VIEW {schema}.v_events AS SELECT * FROM {events}")

    rows = warehouse.query(f"SELECT id FROM {schema}.v_events ORDER BY id")
    with pytest.raises(ServerOperationError, match="EXPECT_TABLE_NOT_VIEW"):
        warehouse.query(f"INSERT INTO {schema}.v_events VALUES (4, DATE'2026-01-04')")

    assert rows == [(1,), (2,), (3,)]


def test_a_table_like_another_is_empty_partitioned_and_takes_a_seed(
    warehouse: LocalWarehouse, schema: str, events: str
) -> None:
    copy = f"{schema}.m_copy"

    warehouse.query(f"CREATE TABLE {copy} LIKE {events}")
    before = warehouse.query(f"SELECT * FROM {copy}")
    warehouse.query(f"INSERT OVERWRITE {copy} SELECT * FROM {events} WHERE date >= '2026-01-02'")

    assert before == []
    assert warehouse.query(f"SELECT id FROM {copy} ORDER BY id") == [(2,), (3,)]
    assert warehouse.query(f"SHOW PARTITIONS {copy}") == [("date=2026-01-02",), ("date=2026-01-03",)]


def test_one_partition_is_overwritten_and_the_others_stay(warehouse: LocalWarehouse, events: str) -> None:
    warehouse.query(f"INSERT OVERWRITE {events} PARTITION (date = '2026-01-02') SELECT 20")

    assert warehouse.query(f"SELECT id FROM {events} ORDER BY date") == [(1,), (20,), (3,)]


def test_table_properties_are_kept(warehouse: LocalWarehouse, schema: str) -> None:
    warehouse.query(f"CREATE TABLE {schema}.t (id INT) TBLPROPERTIES ('dagbranch.environment' = 'feature1')")

    assert ("dagbranch.environment", "feature1") in warehouse.query(f"SHOW TBLPROPERTIES {schema}.t")


def test_a_schema_with_tables_goes_only_by_cascade(warehouse: LocalWarehouse, schema: str, events: str) -> None:
    with pytest.raises(ServerOperationError, match="SCHEMA_NOT_EMPTY"):
        warehouse.query(f"DROP SCHEMA {schema}")
    warehouse.query(f"DROP SCHEMA {schema} CASCADE")

    assert (schema,) not in warehouse.query("SHOW SCHEMAS")


def test_a_script_runs_its_statements_and_keeps_what_came_before_a_failure(
    warehouse: LocalWarehouse, schema: str, events: str
) -> None:
    script = f"""BEGIN
      CREATE VIEW {schema}.v_first AS SELECT * FROM {events};
      CREATE VIEW {schema}.v_second AS SELECT * FROM {schema}.absent;
      CREATE VIEW {schema}.v_third AS SELECT * FROM {events};
    END"""

    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        warehouse.query(script)

    assert [row[1] for row in warehouse.query(f"SHOW VIEWS IN {schema}")] == ["v_first"]


@pytest.mark.parametrize(
    ("statement", "condition", "sql_state"),
    [
        ("SELECT * FROM absent.t", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELEC 1", "PARSE_SYNTAX_ERROR", "42601"),
        ("CREATE SCHEMA default", "SCHEMA_ALREADY_EXISTS", "42P06"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT raise_error('it went wrong')", "USER_RAISED_EXCEPTION", "P0001"),
    ],
)
def test_an_error_reaches_the_client_with_condition_and_sqlstate(
    warehouse: LocalWarehouse, statement: str, condition: str, sql_state: str
) -> None:
    with pytest.raises(ServerOperationError) as caught:
        warehouse.query(statement)

    message = str(caught.value)
    assert message.startswith(f"[{condition}]")
    assert f"SQLSTATE: {sql_state}" in message
    assert "Project [" not in message, "the query plan is not the client's"
    assert "\tat org.apache" not in message, "nor is the stack"


@pytest.mark.parametrize(
    ("expression", "type_name", "value"),
    [
        ("true", "boolean", True),
        ("CAST(7 AS TINYINT)", "tinyint", 7),
        ("CAST(-7 AS SMALLINT)", "smallint", -7),
        ("2147483647", "int", 2147483647),
        ("9223372036854775807", "bigint", 9223372036854775807),
        ("CAST(1.5 AS FLOAT)", "float", 1.5),
        ("1.5D", "double", 1.5),
        ("CAST(12345678901234567890.12 AS DECIMAL(38, 2))", "decimal", Decimal("12345678901234567890.12")),
        ("CAST(0 AS DECIMAL(20, 10))", "decimal", Decimal("0E-10")),
        ("DATE'2026-01-31'", "date", date(2026, 1, 31)),
        ("TIMESTAMP'2026-01-31 01:02:03.456789'", "timestamp", datetime(2026, 1, 31, 1, 2, 3, 456789)),  # noqa: DTZ001 -- in the session's time zone, as the connector gives it without Arrow
        ("TIMESTAMP_NTZ'2026-01-31 01:02:03'", "timestamp", datetime(2026, 1, 31, 1, 2, 3)),  # noqa: DTZ001 -- as above
        ("'Grüße, \"Welt\"'", "string", 'Grüße, "Welt"'),
        ("''", "string", ""),
        ("X'00FF10'", "binary", b"\x00\xff\x10"),
        ("NULL", "null", None),
        ("array(1, NULL, 3)", "array", "[1,null,3]"),
        ("map('a', DATE'2026-01-31')", "map", '{"a":"2026-01-31"}'),
        ("named_struct('a', 1, 'b', CAST(NULL AS STRING))", "struct", '{"a":1,"b":null}'),
        ("INTERVAL '3' DAY", "string", "INTERVAL '3' DAY"),
    ],
)
def test_a_value_keeps_its_type(warehouse: LocalWarehouse, expression: str, type_name: str, value: object) -> None:
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression} AS it")
        row, description = cursor.fetchone(), cursor.description

    assert row is not None
    assert description is not None
    assert (row["it"], type(row["it"])) == (value, type(value))
    assert description[0][:2] == ("it", type_name)


def test_a_decimal_tells_its_precision_and_scale(warehouse: LocalWarehouse) -> None:
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CAST(1 AS DECIMAL(18, 4))")
        description = cursor.description

    assert description is not None
    assert description[0][4:6] == (18, 4)


def test_nulls_stay_where_they_are_in_every_kind_of_column(warehouse: LocalWarehouse) -> None:
    rows = warehouse.query(
        "SELECT IF(id % 3 = 0, NULL, id), IF(id % 5 = 0, NULL, CAST(id AS STRING)), IF(id % 2 = 0, NULL, array(id)) "
        "FROM range(20) ORDER BY id"
    )

    assert rows == [(n if n % 3 else None, str(n) if n % 5 else None, f"[{n}]" if n % 2 else None) for n in range(20)]


def test_columns_of_the_same_name_keep_their_values(warehouse: LocalWarehouse) -> None:
    assert warehouse.query("SELECT 1 AS a, array(2) AS a, 3 AS a") == [(1, "[2]", 3)]


def test_a_result_larger_than_one_answer_arrives_whole(warehouse: LocalWarehouse) -> None:
    with closing(warehouse.connect()) as connection, connection.cursor(arraysize=1_000) as cursor:
        cursor.execute("SELECT id FROM range(3500) ORDER BY id")

        assert [row[0] for row in cursor.fetchall()] == list(range(3500))


def test_parameters_travel_beside_the_statement(warehouse: LocalWarehouse, schema: str, events: str) -> None:
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            'SELECT id FROM IDENTIFIER(:table) WHERE date = :day AND id < :limit AND :name = "it\'s"',
            {"table": events, "day": date(2026, 1, 2), "limit": Decimal("2.5"), "name": "it's"},
        )
        by_name = cursor.fetchall()
        cursor.execute("SELECT ?, ?, ?, ?", [1, None, True, "x"])
        by_position = cursor.fetchall()

    assert [tuple(row) for row in by_name] == [(2,)]
    assert [tuple(row) for row in by_position] == [(1, None, True, "x")]


def test_sessions_have_their_own_schema_and_settings(warehouse: LocalWarehouse, schema: str) -> None:
    options = {"schema": schema, "session_configuration": {"timezone": "Europe/Berlin"}}
    with closing(warehouse.connect(**options)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_timezone()")

        assert cursor.fetchall() == [(schema, "Europe/Berlin")]
    assert warehouse.query("SELECT current_schema(), current_timezone()") == [("default", "UTC")]


def test_a_session_that_has_read_a_table_sees_what_another_adds(warehouse: LocalWarehouse, schema: str) -> None:
    warehouse.query(f"CREATE TABLE {schema}.m_roi AS SELECT 1 AS id")
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        before = cursor.execute(f"SELECT * FROM {schema}.m_roi").fetchall()
        warehouse.query(f"INSERT INTO {schema}.m_roi VALUES (2)")
        after = cursor.execute(f"SELECT * FROM {schema}.m_roi").fetchall()

    assert (len(before), len(after)) == (1, 2)


def test_a_session_in_an_absent_schema_is_refused(warehouse: LocalWarehouse) -> None:
    with pytest.raises(DatabaseError, match="SCHEMA_NOT_FOUND"):
        warehouse.connect(schema="absent")


def test_sessions_work_at_the_same_time(warehouse: LocalWarehouse, schema: str, events: str) -> None:
    def make_views(worker: int) -> None:
        with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
            for number in range(5):
                cursor.execute(f"CREATE VIEW {schema}.v_{worker}_{number} AS SELECT * FROM {events}")
                cursor.execute(f"SELECT max(id) FROM {schema}.v_{worker}_{number}")
                assert cursor.fetchall() == [(3,)]

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(make_views, range(8)))

    assert len(warehouse.query(f"SHOW VIEWS IN {schema}")) == 40


def test_a_statement_without_end_can_be_cancelled(warehouse: LocalWarehouse) -> None:
    endless = "SELECT sum(hash(id)) FROM range(1000000000000000)"
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        cursor.execute_async(endless)
        cursor.cancel()
        state = cursor.get_query_state()

        wait_until(lambda: endless in warehouse.log.read_text(), what="the statement's end", deadline_seconds=30)

    assert state == CommandState.CANCELLED


def test_a_wrong_token_is_told_as_databricks_tells_it(warehouse: LocalWarehouse) -> None:
    started = time.monotonic()

    with pytest.raises(RequestError, match="Invalid access token") as caught:
        warehouse.connect(access_token="dapi-of-somebody-else")

    assert caught.value.context["http-code"] == 403
    assert time.monotonic() - started < 10, "it is not tried again"


def test_a_wrong_path_is_refused(warehouse: LocalWarehouse) -> None:
    with pytest.raises(RequestError) as caught:
        warehouse.connect(http_path="/sql/1.0/warehouses/another")

    assert caught.value.context["http-code"] == 404


def ask_for_token(warehouse: LocalWarehouse, certificates: Certificates, secret: str, scope: str) -> tuple[int, Any]:
    """Status and answer of the token endpoint, asked as RFC 6749 has it."""
    body = urlencode({"grant_type": "client_credentials", "scope": scope})
    headers = make_headers(basic_auth=f"{warehouse.client_id}:{secret}")
    url = f"https://{warehouse.host}:{warehouse.port}/oidc/v1/token"
    with PoolManager(ca_certs=str(certificates.authority)) as pool:
        response = pool.request("POST", url, body=body, headers=headers)
    return response.status, response.json()


def test_a_service_principal_is_given_a_token_that_opens_sessions(
    warehouse: LocalWarehouse, certificates: Certificates
) -> None:
    status, answer = ask_for_token(warehouse, certificates, warehouse.client_secret, "all-apis")

    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    with closing(warehouse.connect(access_token=answer["access_token"])) as connection:
        assert connection.open


@pytest.mark.parametrize(
    ("secret", "scope", "status", "error"),
    [("dose-wrong", "all-apis", 401, "invalid_client"), (None, "everything", 400, "invalid_scope")],
)
def test_wrong_credentials_are_given_no_token(
    warehouse: LocalWarehouse, certificates: Certificates, secret: str | None, scope: str, status: int, error: str
) -> None:
    refused = ask_for_token(warehouse, certificates, secret or warehouse.client_secret, scope)

    assert (refused[0], refused[1]["error"]) == (status, error)


def test_a_planned_fault_happens_when_it_was_planned_and_is_over_afterwards(warehouse: LocalWarehouse) -> None:
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        with warehouse.faults(Fault("refuse", "SELECT 'it'", skip=1, message="[OUT_OF_SORTS] Not now.")):
            first = cursor.execute("SELECT 'it'").fetchall()
            with pytest.raises(ServerOperationError, match=r"^\[OUT_OF_SORTS\] Not now\."):
                cursor.execute("SELECT 'it'")
            third = cursor.execute("SELECT 'it'").fetchall()
        fourth = cursor.execute("SELECT 'it'").fetchall()

    assert first == third == fourth


def test_the_work_of_a_lost_answer_is_done(warehouse: LocalWarehouse, schema: str) -> None:
    options = {"_retry_stop_after_attempts_duration": 1, "_retry_delay_min": 5, "_retry_delay_max": 5}
    with closing(warehouse.connect(**options)) as connection, connection.cursor() as cursor:
        with warehouse.faults(Fault("lose", "CREATE TABLE")), pytest.raises(RequestError):
            cursor.execute(f"CREATE TABLE {schema}.t (id INT)")

        wait_until(lambda: warehouse.query(f"SHOW TABLES IN {schema}") != [], what="the table", deadline_seconds=30)


CLIENT = """
import sys
from databricks import sql
host, http_path, token, port = sys.argv[1:]
options = {"_port": int(port), "_retry_stop_after_attempts_count": 1, "enable_telemetry": False}
with sql.connect(host, http_path, token, **options) as connection:
    print(connection.cursor().execute("SELECT 'trusted'").fetchall()[0][0])
"""


def run_client(warehouse: LocalWarehouse, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The connector in a process of its own that is told nothing about certificates but by its environment."""
    arguments = [warehouse.host, warehouse.http_path, warehouse.token, str(warehouse.port)]
    without = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    command = [sys.executable, "-c", CLIENT, *arguments]
    return subprocess.run(command, env=without | environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_connector_trusts_the_authority_by_ssl_cert_file_alone(
    warehouse: LocalWarehouse, certificates: Certificates
) -> None:
    """The deployed functions and Airflow's DatabricksSqlOperator trust it so: they pass no file of their own."""
    ran = run_client(warehouse, {"SSL_CERT_FILE": str(certificates.authority)})

    assert ran.stdout == "trusted\n", ran.stderr


def test_the_connector_without_the_authority_refuses_to_connect(warehouse: LocalWarehouse) -> None:
    ran = run_client(warehouse, {})

    assert ran.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in ran.stderr


def test_latency_is_added_to_each_request_and_can_be_changed(warehouse: LocalWarehouse) -> None:
    def seconds_of_a_statement() -> float:
        with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
            started = time.monotonic()
            cursor.execute("SELECT 1").fetchall()
            return time.monotonic() - started

    warehouse.set_latency(1_000)
    slow = seconds_of_a_statement()
    warehouse.set_latency(0)
    fast = min(seconds_of_a_statement() for _ in range(3))

    assert fast < 1.0 <= slow


def test_whatever_is_asked_of_the_warehouse_is_counted(warehouse: LocalWarehouse) -> None:
    before = warehouse.requests
    idle = warehouse.requests

    warehouse.query("SELECT 1")

    assert idle == before
    assert warehouse.requests > before


def test_nothing_is_left_when_the_warehouse_stops(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    with LocalWarehouse(tmp_path / "warehouse", certificates) as warehouse:
        warehouse.query("CREATE TABLE t AS SELECT id FROM range(10)")
        processes = processes_that_mention(tmp_path)

    assert len(processes) == 2, "Python and its JVM"
    assert processes_that_mention(tmp_path) == []
    assert [path.name for path in (tmp_path / "warehouse").rglob("*")] == ["warehouse.log"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert warehouse.token not in warehouse.log.read_text()


def processes_that_mention(path: Path) -> list[str]:
    def command_of(process: Path) -> str:
        try:
            return (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""

    commands = [command_of(process) for process in Path("/proc").iterdir() if process.name.isdigit()]
    return [command for command in commands if str(path) in command]


def java_that_says(folder: Path, text: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize("text", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "25" 2025-09-16 LTS'])
def test_a_java_that_spark_runs_on_is_found_by_java_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_that_says(tmp_path / "java", text)))

    assert require_java() == tmp_path / "java"


def test_without_java_home_java_is_found_on_the_path_through_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = java_that_says(tmp_path / "java-21", 'openjdk version "21.0.1" 2023-10-17')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    assert require_java() == home


def test_a_java_that_is_too_old_is_one_line_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_that_says(tmp_path / "java", 'java version "1.8.0_292"')))

    with pytest.raises(MissingJavaError) as caught:
        LocalWarehouse(tmp_path / "warehouse", certificates).start()

    assert str(caught.value) == "Java 17 or later is needed for the local warehouse; JAVA_HOME has 8"
    assert not (tmp_path / "warehouse").exists()


def test_no_java_at_all_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingJavaError, match="PATH has none"):
        require_java()
