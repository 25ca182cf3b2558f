COLOUR = "plain"
