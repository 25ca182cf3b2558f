from pathlib import Path

from airflow import DAG
from airflow.operators.bash import BashOperator

HERE = Path(__file__).parent
with DAG("with_files", schedule=None, doc_md=(HERE / "README.md").read_text()):
    BashOperator(task_id="size", bash_command=f"echo {(HERE / 'logo.png').stat().st_size}")
    BashOperator(task_id="cells", bash_command=f"echo {len((HERE / 'notebooks/model.ipynb').read_text())}")
    BashOperator(task_id="script", bash_command="run.sh")
