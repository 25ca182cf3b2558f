NAME = "of the server"
