from airflow.decorators import dag, task


@dag(schedule=None)
def m_middle():
    @task
    def say():
        return "m_middle"

    say()


m_middle()
