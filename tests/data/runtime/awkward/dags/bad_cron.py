"""An airflow DAG whose schedule is wrong: an environment without schedules shows it all the same."""

from qu.common import START
from versions import MainDag

dag = MainDag("bad_cron", schedule="every now and then", start_date=START)
