"""Splits a budget over the channels that it is given: what runs on a cluster elsewhere, here beside the task."""

import sys

BUDGET = 1000

channels = sys.argv[1:]
print(", ".join(f"{channel} {BUDGET / len(channels):.0f}" for channel in channels))
