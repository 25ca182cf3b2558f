from datetime import datetime

from airflow.decorators import dag, task


@dag(schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False, default_args={"retries": 1})
def decorated(days: int = 3):
    """Documentation that becomes the DAG's."""

    @task(multiple_outputs=True)
    def extract() -> dict:
        return {"one": 1, "two": 2}

    @task
    def load(one, two, days):
        return one + two + days

    values = extract()
    load(values["one"], values["two"], days)


@dag("named.otherwise", schedule=None)
def some_name():
    @task.bash
    def shell() -> str:
        return "echo shell"

    shell()


def per_country(country):
    @dag(dag_id=f"per_country_{country}", schedule=None, tags=[country])
    def inner():
        @task(task_id=f"load_{country}")
        def load():
            return country

        load()

    return inner()


decorated()
made = some_name()
countries = [per_country(country) for country in ("de", "fr")]
for number, one in enumerate(countries):
    globals()[f"country_{number}"] = one
