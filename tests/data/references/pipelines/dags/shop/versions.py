"""The same names on both lines of Airflow."""

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
    from airflow.sdk import DAG, Asset, AssetAlias, Metadata, dag, task
    from airflow.timetables.assets import AssetOrTimeSchedule
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.datasets import DatasetAlias as AssetAlias
    from airflow.datasets.metadata import Metadata
    from airflow.decorators import dag, task
    from airflow.models.dag import DAG
    from airflow.operators.bash import BashOperator
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
    from airflow.timetables.datasets import DatasetOrTimeSchedule

    def AssetOrTimeSchedule(*, timetable, assets):
        return DatasetOrTimeSchedule(timetable=timetable, datasets=assets)


__all__ = [
    "DAG",
    "Asset",
    "AssetAlias",
    "AssetOrTimeSchedule",
    "BashOperator",
    "EmptyOperator",
    "ExternalTaskMarker",
    "ExternalTaskSensor",
    "Metadata",
    "TriggerDagRunOperator",
    "dag",
    "task",
]
