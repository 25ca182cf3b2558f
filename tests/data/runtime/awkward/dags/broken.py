"""An airflow DAG file that fails: the others have to live."""

from qu.common import THIS_IS_NOT_THERE
