from __future__ import annotations

import textwrap

import pytest

from dagbranch.domain.python_sql import read_python_sql
from dagbranch.domain.table_uses import Uses


def read(source: str) -> Uses:
    return read_python_sql(textwrap.dedent(source).strip("\n"), is_file=lambda path: path == "sql/there.sql")


def told(uses: Uses) -> tuple[set[str], set[str], set[int]]:
    return set(uses.read), set(uses.written), uses.unknown


@pytest.mark.parametrize(
    "call",
    [
        'spark.sql("DELETE FROM db.x")',
        'self.spark.sql(sqlQuery="DELETE FROM db.x")',
        'cursor.execute("DELETE FROM db.x WHERE a = %s", [a])',
        'cursor.executemany("INSERT INTO db.x VALUES (%(a)s)", rows)',
        'connection.execute(text("DELETE FROM db.x"))',
        'PostgresHook("c").run(["DELETE FROM db.x"])',
        "SomeOperator(sql=\"DELETE FROM db.x WHERE d = '{{ ds }}'\")",
        'SomeOperator.partial(task_id="a").expand(sql=["DELETE FROM db.x"])',
        'f("DELETE FROM db.x")',
        'client.query("DELETE FROM " "db.x")',
        'spark.sql("DELETE FROM {}".format("db.x"))',
        'spark.sql("DELETE FROM {t}.{0}".format("x", t="db"))',
        'spark.sql("DELETE FROM %s.%s" % ("db", "x"))',
        'spark.sql("DELETE FROM %(s)s.x" % {"s": "db"})',
        "spark.sql(dedent('''\n  DELETE FROM\n  db.x'''))",
        'spark.sql(" ".join(["DELETE FROM", "db.x"]))',
        'spark.sql("DELETE FROM " + "db" + ".x")',
        't = "db.x"\nspark.sql(f"DELETE FROM {t} WHERE a = {b!r} AND c = {d:.2f}")',
        'frame.write.saveAsTable("db.x")',
        'frame.write.insertInto(tableName="db.x")',
        'frame.writeTo("db.x").append()',
        'frame.writeStream.toTable("db.x")',
        'DeltaTable.forName(spark, "db.x").delete()',
        'frame.to_sql("x", engine, schema="db")',
        'DatabricksCopyIntoOperator(table_name="db.x")',
        'x = "SET a.b=c;\\nDELETE FROM db.x"',
        'x = "{% set y = 1 %}\\ndelete from db.x"',
        'psdf.to_table("db.x")',
    ],
)
def test_a_table_that_is_certainly_written_is_told(call: str) -> None:
    assert told(read(call)) == (set(), {"db.x"}, set())


@pytest.mark.parametrize(
    "call",
    [
        "spark.sql(query)",
        'spark.sql("DELETE FROM " + table)',
        'spark.sql(f"DELETE FROM {table}")',
        'spark.sql(f"DELETE FROM db.{table}_{day}")',
        "cursor.execute(self.query)",
        "hook.run(statements)",
        "SomeOperator(sql=build())",
        'SomeOperator(sql="sql/missing.sql")',
        'SomeOperator(sql="DELETE FROM {{ params.table }}")',
        "frame.write.saveAsTable(name)",
        'frame.write.saveAsTable("x")',
        'frame.write.saveAsTable(f"{schema}.x")',
        "spark.table(name)",
        'DeltaTable.forName(spark, "db.x")',
        'DeltaTable.forPath(spark, "s3://x").delete()',
        'frame.write.format("delta").save("s3://x")',
        'frame.to_sql("x", engine)',
        'OurOperator(target_table="db.x")',
        'f(f"DELETE FROM {table}")',
        "BashOperator(bash_command=\"beeline -e 'DELETE FROM db.x'\")",
        "spark.sql(sqlQuery=query)",
        "list(map(cursor.execute, queries))",
        "@dlt.table\ndef f(): ...",
        "BashOperator(bash_command=\"psql -c 'DELETE FROM db.x'\")",
        "SomeOperator(sql=\"{% include 'missing.sql' %}\")",
        'def f():\n    "\n',
    ],
)
def test_what_is_not_known_is_unknown_at_its_line(call: str) -> None:
    uses = read(call)

    assert told(uses) == (set(), set(), {2} if call.startswith("def") else {1})


@pytest.mark.parametrize(
    "code",
    [
        '"""DELETE FROM db.x"""',
        'log.info("DELETE FROM db.x took %s", 3)',
        'message = "Delete from the list what is not needed"',
        'message = "Select the best"',
        'parser.add_argument("--update", help="Update the table, set it to x")',
        "super().execute(context)",
        'subprocess.run(["ls"])',
        'frame.query("a > 3")',
        'console.table("a")',
        'SomeOperator(sql="sql/there.sql")',
        "SomeOperator(sql=None)",
        'spark.sql(open("sql/there.sql").read())',
        'spark.sql("SELECT 1")',
        "SomeOperator(sql=\"{% include 'sql/there.sql' %}\")",
        'raise ValueError("cannot delete from here")',
        'frame.write.parquet("s3://x")',
        'frame.createOrReplaceTempView("v")\nspark.sql("SELECT * FROM v")\nspark.table("v")',
        'spark.sql("CREATE TEMP VIEW v AS SELECT 1")\nspark.sql("SELECT * FROM v")',
    ],
)
def test_what_is_no_use_of_a_table_says_nothing(code: str) -> None:
    assert told(read(code)) == (set(), set(), set())


def test_lines_are_those_of_the_text_in_the_file() -> None:
    uses = read('''
        def f():
            spark.sql(
                f"""
                INSERT INTO db.x
                SELECT {columns} FROM db.y
                """
            )
            spark.sql("""{% if a %}
                SELECT * FROM db.z
            {% endif %}""")
    ''')

    assert uses.written == {"db.x": {4}}
    assert uses.read == {"db.y": {5}, "db.z": {9}}


def test_schema_is_dagbranchs_own_only_where_it_is_imported_from_there() -> None:
    own = read("from dagbranch_env import schema as s\nspark.sql(f\"DELETE FROM {s('db')}.x\")")
    module = read('import dagbranch_env as e\nspark.table(e.schema("db") + ".x")')
    other = read("from qu import schema\nspark.sql(f\"DELETE FROM {schema('db')}.x\")")

    assert told(own) == (set(), {"db.x"}, set())
    assert told(module) == ({"db.x"}, set(), set())
    assert told(other) == (set(), set(), {2})


def test_a_name_stands_for_every_value_that_it_is_given_in_its_function() -> None:
    uses = read("""
        def a(cursor):
            q = "DELETE FROM db.x"
            if cursor:
                q = "DELETE FROM db.y"
            cursor.execute(q)

        def b(cursor, q):
            cursor.execute(q)
    """)

    assert told(uses) == (set(), {"db.x", "db.y"}, {8})


def test_a_name_that_grows_is_not_known() -> None:
    uses = read("""
        names = ["x"]
        names.append(other)
        for name in names:
            spark.sql(f"DELETE FROM db.{name}")
        q = "DELETE FROM db.z"
        q += more
        spark.sql(q)
    """)

    assert uses.unknown == {4, 7}


def test_a_loop_over_what_is_written_out_goes_through_all_of_it() -> None:
    uses = read("""
        NAMES = ("a", "b")
        for name in NAMES:
            spark.sql(f"DELETE FROM db.{name}")
        queries = [f"TRUNCATE TABLE db.{other}" for other in ["c", "d"]]
        hook.run(queries)
    """)

    assert told(uses) == (set(), {"db.a", "db.b", "db.c", "db.d"}, set())


def test_many_values_are_bounded() -> None:
    names = ", ".join(f'"t{number}"' for number in range(100))

    uses = read(f'for a in [{names}]:\n    spark.sql(f"DELETE FROM db.{{a}}")')

    assert told(uses) == (set(), set(), {2})


def test_a_long_sum_of_texts_is_read() -> None:
    uses = read('spark.sql("DELETE FROM db.x WHERE a IN (" + ' + " + ".join(['"1, "'] * 500) + ' + "2)")')

    assert told(uses) == (set(), {"db.x"}, set())


@pytest.mark.parametrize("word", ["global", "nonlocal"])
def test_a_name_that_is_set_from_elsewhere_is_not_known(word: str) -> None:
    inner = f"def g():\n    {word} name\n    name = other\n"
    around = f'name = "db.x"\n{inner}spark.table(name)\n'
    source = around if word == "global" else "def f():\n" + textwrap.indent(around, "    ")

    assert read_python_sql(source).unknown
