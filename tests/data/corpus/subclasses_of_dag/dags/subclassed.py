from airflow.operators.bash import BashOperator
from house.classes import Models, Renamed, TeamDAG, Twice

with TeamDAG("sub.defaults", schedule=None) as one:
    BashOperator(task_id="say", bash_command="echo {{ dag.dag_id }}")
with Renamed("renamed") as two:
    BashOperator(task_id="say", bash_command=f"echo {two.dag_id}")
with Models("sub.models", schedule=None) as three:
    BashOperator(task_id="say", bash_command="echo models")
with Twice("sub.twice") as four:
    BashOperator(task_id="say", bash_command="echo twice")
