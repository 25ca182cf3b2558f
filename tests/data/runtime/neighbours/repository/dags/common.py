"""What every DAG module here imports: it notes them."""

import os

COLOUR = "blue"


class Thing:
    colour = COLOUR


def note(name):
    os.environ["IMPORTED"] = os.environ.get("IMPORTED", "") + " " + name
