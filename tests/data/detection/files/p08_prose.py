import logging

log = logging.getLogger(__name__)
MESSAGE = "Select one of the values from the list"
HELP = {"delete": "Delete from the queue", "update": "Update the settings, set them again", "with": "With love"}
log.info("INSERT INTO stage.orders took %s s", 3)
raise ValueError("Create table failed: drop it and try again")
subprocess.run(["ls", "-l"])
df.query("amount > 3")
