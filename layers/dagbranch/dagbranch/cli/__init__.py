"""The ``dagbranch`` command: the same core as the functions, for people and for CI."""

from dagbranch.cli.program import main

__all__ = ["main"]
