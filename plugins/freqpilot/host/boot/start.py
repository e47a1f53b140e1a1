"""The start of Freqpilot in a process: the table of all seams, and what puts them in place."""

from freqpilot.host.boot.carrier import Carrier
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Seam


def all_seams() -> tuple[Seam, ...]:
    """Return every seam, in the order in which they are applied."""
    from freqpilot.host.alerts import channels
    from freqpilot.host.boot import parameterfiles, reload, resolvers, setup
    from freqpilot.host.candles import files as candlefiles
    from freqpilot.host.candles import rows
    from freqpilot.host.frames.edge import backtest as edgebacktest
    from freqpilot.host.freqai import fixes, identity
    from freqpilot.host.freqai.features import stage as featurestage
    from freqpilot.host.freqai.training import files as modelfiles
    from freqpilot.host.freqai.training import queue as trainqueue
    from freqpilot.host.freqai.training import service as training
    from freqpilot.host.gate import backtest as backtestgate
    from freqpilot.host.gate import health
    from freqpilot.host.gate import live as livegate
    from freqpilot.host.loop import backtest, live, lookahead
    from freqpilot.host.orders import halt, sending, stops
    from freqpilot.host.run import exitsonly
    from freqpilot.host.trading import adjusting, fills, resting

    return (
        *setup.SEAMS,
        *resolvers.SEAMS,
        *candlefiles.SEAMS,
        *parameterfiles.SEAMS,
        *livegate.SEAMS,
        *sending.SEAMS,
        *health.SEAMS,
        *stops.SEAMS,
        *backtestgate.SEAMS,
        *backtest.SEAMS,
        *lookahead.SEAMS,
        *halt.SEAMS,
        *resting.SEAMS,
        *live.SEAMS,
        *channels.SEAMS,
        *fixes.SEAMS,
        *identity.SEAMS,
        *edgebacktest.SEAMS,
        *trainqueue.SEAMS,
        *featurestage.SEAMS,
        *adjusting.SEAMS,
        *rows.SEAMS,
        *fills.SEAMS,
        *modelfiles.SEAMS,
        *training.SEAMS,
        *exitsonly.SEAMS,
        *reload.SEAMS,
    )


def activate() -> None:
    """Check and apply all seams. May be called again: it does nothing then.

    A fault does not raise here, because Freqtrade would bury it in a traceback of its logging
    set-up; it is kept, and the set-up seam raises it as one line before anything starts. Only
    when even that seam does not fit does the error leave from here.
    """
    from freqpilot.host.boot import setup

    activation.activate(all_seams, setup.apply_refusal, CARRIER)


def arrive() -> Carrier:
    """Activate Freqpilot in the process that unpickles the config."""
    activate()
    return CARRIER


CARRIER = Carrier(arrive)
