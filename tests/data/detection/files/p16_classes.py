# truth-read: raw.x
# truth-written: stage.x
# truth-unknown: attributes
class Load:
    target = "stage.x"
    query = "INSERT INTO stage.x SELECT * FROM raw.x"

    def run(self, spark):
        spark.sql(self.query)
        spark.sql(f"TRUNCATE TABLE {self.target}")
