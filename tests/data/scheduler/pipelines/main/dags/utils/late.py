LATE = "red"
