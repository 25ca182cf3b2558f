# truth-read: raw.events, ref.kinds, raw.visits
# truth-written: stage.events, stage.daily, stage.archive, mart.sessions
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
events = spark.table("raw.events").join(spark.read.table("ref.kinds"), "kind")
events.write.mode("append").saveAsTable("stage.events")
events.createOrReplaceTempView("fresh")
spark.sql("SELECT * FROM fresh").write.insertInto("stage.daily", overwrite=True)
events.writeTo("stage.archive").using("delta").createOrReplace()
target = DeltaTable.forName(spark, "mart.sessions").alias("t").merge(events.alias("s"), "t.id = s.id").whenMatchedUpdateAll()
target.execute()
stream = spark.readStream.table("raw.visits")
