"""Where the repository is, and the environment of child processes."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return an environment in which Freqtrade sets up its logging, and so Freqpilot: it skips
    that when it sees pytest's variables."""
    dropped = ("PYTEST_", "FREQTRADE__")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    environment["PYTHONWARNINGS"] = "ignore"
    environment["COLUMNS"] = "200"  # tables are read back, whole
    return environment
