COLOUR = "server"
