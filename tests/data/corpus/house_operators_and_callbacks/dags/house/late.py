def run(statement):
    return statement
