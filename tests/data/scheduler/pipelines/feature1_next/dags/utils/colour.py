COLOUR = "indigo"
