def fail(what):
    if what:
        raise KeyError(what)
