"""How much hypothesis tries in unit tests: few examples, no deadline on a machine that others use, too."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=25)
settings.load_profile("unit")
