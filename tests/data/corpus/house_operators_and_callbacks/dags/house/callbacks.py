def on_failure(context):
    return context


def make(name):
    def inner(context):
        return name, context

    return inner
