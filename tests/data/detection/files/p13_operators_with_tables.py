# truth-read: raw.x, stage.checked
# truth-written: stage.copied, stage.transferred
# truth-unknown: what an operator of one's own does
DatabricksCopyIntoOperator(task_id="a", table_name="stage.copied", file_location="s3://bucket/in", file_format="CSV")
GenericTransfer(task_id="b", sql="SELECT * FROM raw.x", destination_table="stage.transferred")
SQLTableCheckOperator(task_id="c", table="stage.checked", checks={})
OurOwnLoadOperator(task_id="d", target_table="stage.loaded")
