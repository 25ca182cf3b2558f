LATE = "plain"
