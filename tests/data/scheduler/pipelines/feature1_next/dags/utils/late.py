# Longer than the last one: another place in the zip, too.
LATE = "indigo"
