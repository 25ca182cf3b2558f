COLOUR = "green"
