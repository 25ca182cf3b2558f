# Databricks notebook source
# truth-read: raw.events
# truth-unknown: Scala is not read
spark.table("raw.events").show()

# COMMAND ----------

# MAGIC %scala
# MAGIC spark.table("raw.events").write.saveAsTable("stage.events")
