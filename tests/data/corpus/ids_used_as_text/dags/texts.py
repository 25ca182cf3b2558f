from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG("text.main", schedule=None, description="the main one") as dag:
    dag.doc_md = f"# {dag.dag_id}"
    pull = "{{ ti.xcom_pull(dag_id='" + dag.dag_id + "', task_ids='say') }}"
    BashOperator(task_id="say", bash_command=f"echo {dag.dag_id} {dag.dag_display_name}")
    BashOperator(task_id="pull", bash_command=f"echo {pull} {{{{ dag.dag_id }}}}")
    BashOperator(task_id=f"named_{len(dag.dag_id) > 0}", bash_command=f"ls s3://bucket/{dag.dag_id}/")
    TriggerDagRunOperator(task_id="go", trigger_dag_id=f"{dag.dag_id}_child")

with DAG(f"{dag.dag_id}_child", schedule=None) as child:
    BashOperator(task_id="say", bash_command=f"echo {child.dag_id} of {dag.dag_id}")
