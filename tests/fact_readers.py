"""What a run has open and remembers of its facts, let go of between two tests."""

from freqpilot.host.facts import columns as factcolumns


def forget() -> None:
    """Close the databases and forget what was said and what failed."""
    for source in factcolumns._open:
        source.store.close()
    factcolumns._open.clear()
    factcolumns._said.clear()
    factcolumns._failed.clear()
