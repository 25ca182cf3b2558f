# truth-read: stage.a, stage.b
# truth-written: stage.c, stage.d
# truth-unknown: what is done with the handle, and whose files are written
DeltaTable.forName(spark, "stage.a").toDF().count()
DeltaTable.forName(spark, "stage.b").history(1)
DeltaTable.forName(spark, "stage.c").delete("dt < '2026-01-01'")
DeltaTable.createIfNotExists(spark).tableName("stage.d").addColumn("id", "INT").execute()
handle = DeltaTable.forName(spark, "stage.e")
handle.update(set={"x": "1"})
frame.write.format("delta").mode("overwrite").save("s3://bucket/stage/f")
