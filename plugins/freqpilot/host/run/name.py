"""The name that this bot's orders bear."""

from freqpilot.host.run.current import current
from freqpilot.host.run.ownership import identity


def bot_name() -> str:
    """Return the id that this bot's orders bear."""
    run = current()
    if not run.bot:
        run.bot = identity(run.store, run.key)
    return run.bot
