"""What the pipeline does."""

from airflow import DAG
from airflow.decorators import task

__all__ = ["nothing"]

with DAG("guarded", schedule=None, doc_md=__doc__) as pipeline:

    @task
    def imports_late():
        import helper_of_guarded

        return helper_of_guarded.VALUE

    imports_late()


def __getattr__(name):
    raise AttributeError(name)


if __name__ == "__main__":
    raise RuntimeError("only by hand")
