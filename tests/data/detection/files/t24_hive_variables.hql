-- truth-read: raw.x
-- truth-written: stage.x
-- truth-unknown: the schema of the second
SET hive.exec.dynamic.partition.mode=nonstrict;
INSERT OVERWRITE TABLE stage.x PARTITION (dt='${hiveconf:dt}') SELECT * FROM raw.x WHERE dt='${hiveconf:dt}';
INSERT OVERWRITE TABLE ${hiveconf:schema}.y SELECT 1;
