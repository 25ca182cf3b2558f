"""An airflow DAG that says everywhere in its tasks where its files are."""

from pathlib import Path

from versions import BashOperator, MainDag, PythonOperator, first

Param = first("sdk.Param", "models.param.Param")
HERE = Path(__file__).parent

with MainDag(
    "team.files",
    schedule=None,
    description=f"in {HERE}",
    doc_md=f"see {HERE}/sql",
    default_args={"doc_rst": f"{HERE}"},
    params={"file": f"{HERE}/sql/rows.sql", "typed": Param(f"{HERE}", type="string", description=f"{HERE}")},
):
    BashOperator(
        task_id="bash",
        bash_command=f"cat {HERE}/sql/rows.sql",
        env={"FILES": f"{HERE}/sql:{HERE}", "OTHER": "/tmp"},
        doc_md=f"see {HERE}",
        params={"file": f"{HERE}"},
    )
    template = BashOperator(task_id="template", bash_command="sql/rows.sql")
    template.template_ext = (".sql",)
    PythonOperator(
        task_id="python",
        python_callable=print,
        op_args=[HERE, (str(HERE), 1), {f"{HERE}": [f"{HERE}/x"]}],
        op_kwargs={"path": f"{HERE}", "deep": {"list": [{"path": HERE}]}},
    )
    BashOperator.partial(task_id="mapped", env={"FILES": f"{HERE}"}).expand(
        bash_command=[f"ls {HERE}", f"cat {HERE}/sql"]
    )
    PythonOperator.partial(task_id="mapped_python", python_callable=print).expand(
        op_args=[[f"{HERE}"], [(HERE / "sql").name]]
    )
    BashOperator.partial(task_id="by_kwargs").expand_kwargs([{"bash_command": f"ls {HERE}"}])
