"""What a run has open and remembers of its facts, let go of between two tests."""

from freqpilot.host.facts import database
from freqpilot.host.run import once


def forget() -> None:
    """Close the databases and forget what was said and what failed."""
    for source in database._open:
        source.store.close()
    database._open.clear()
    once.forget()
    database._failed.clear()
