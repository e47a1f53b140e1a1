"""How many examples a property has."""

import os


def examples(deep: int) -> int:
    """Return ``deep`` in ``make proof``, a quarter of it, 25 at least, in ``make test``."""
    return deep if os.environ.get("FREQPILOT_DEEP") else max(25, deep // 4)
