"""What a run has open and remembers of its facts, let go of between two tests."""

from freqpilot.host import factframes


def forget() -> None:
    """Close the databases and forget what was said and what failed."""
    for source in factframes._open:
        source.store.close()
    factframes._open.clear()
    factframes._said.clear()
    factframes._failed.clear()
