# airflow
import os

from lib.factory import report

dag = report("reports.monthly", template_searchpath=os.path.join(os.path.dirname(__file__), "..", "templates"))
