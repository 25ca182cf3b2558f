"""A module that the repository's DAG files share."""

from datetime import datetime

START = datetime(2026, 1, 1)
COLOUR = "blue"
