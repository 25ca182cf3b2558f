import common
import utils
from airflow import DAG
from airflow.operators.bash import BashOperator
from config.settings import RETRIES
from tests.helpers import HELP

with DAG("generic_names", schedule=None, default_args={"retries": RETRIES}):
    BashOperator(task_id="say", bash_command=f"echo {common.NAME} {utils.DAY} {HELP} {common.__file__}")
