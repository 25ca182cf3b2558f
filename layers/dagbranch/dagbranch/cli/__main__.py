"""Runs the command as ``python -m dagbranch.cli``."""

import sys

from dagbranch.cli.program import main

sys.exit(main())
