-- Databricks notebook source
-- MAGIC %md
-- MAGIC truth-read: raw.events
-- MAGIC truth-written: stage.events, stage.daily, stage.py

-- COMMAND ----------

INSERT INTO stage.events SELECT * FROM raw.events

-- COMMAND ----------

DELETE FROM stage.daily
WHERE dt = '2026-01-01'

-- COMMAND ----------

-- MAGIC %python
-- MAGIC spark.range(3).write.saveAsTable("stage.py")
