from airflow.sdk import asset


@asset(schedule="@weekly")
def weekly_numbers():
    return 1
