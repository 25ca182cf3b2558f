"""One task that tells all that it sees: modules, files, a rendered template file, what dagbranch_env says."""

from datetime import datetime
from pathlib import Path

import dagbranch_env
from airflow import DAG
from airflow.decorators import task
from airflow.operators.python import get_current_context
from utils import colour
from utils.notes import note

with DAG("shop.colours", schedule=None, start_date=datetime(2024, 1, 1)):

    @task(templates_dict={"sql": "rows.sql"}, templates_exts=[".sql"])
    def look(templates_dict=None):
        note(
            get_current_context(),
            "look",
            colour=colour.COLOUR,
            colour_file=colour.__file__,
            file=__file__,
            note=Path(__file__).with_name("note.txt").read_text().strip(),
            sql=templates_dict["sql"].strip(),
            environment=dagbranch_env.environment,
            commit=dagbranch_env.commit,
            schema=dagbranch_env.schema("db_attribution"),
        )

    look()
