"""The local warehouse: a real Spark that answers the unmodified Databricks SQL connector over HTTPS.

``process`` is for the parent and starts it; everything else runs in the ``warehouse`` virtual environment.
"""
