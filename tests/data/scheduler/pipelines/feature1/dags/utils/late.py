LATE = "blue"
