# -*- coding: latin-1 -*-
from airflow import DAG

dag = DAG('latin', schedule=None, description='Größe')
