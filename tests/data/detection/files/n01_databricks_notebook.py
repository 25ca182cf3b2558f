# Databricks notebook source
# MAGIC %md
# MAGIC truth-read: raw.events, raw.kinds
# MAGIC
# MAGIC truth-written: stage.events, stage.log
# MAGIC
# MAGIC truth-unknown: which schema is in use after the last cell

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE TEMP VIEW fresh AS
# MAGIC SELECT * FROM raw.events

# COMMAND ----------

kinds = spark.table("raw.kinds")
kinds.createOrReplaceTempView("kinds")

# COMMAND ----------

# MAGIC %sql
# MAGIC INSERT INTO stage.events SELECT * FROM fresh JOIN kinds USING (kind);
# MAGIC USE stage

# COMMAND ----------

spark.sql("INSERT INTO stage.log SELECT count(*) FROM fresh")

# COMMAND ----------

# MAGIC %sql
# MAGIC DELETE FROM old WHERE true
