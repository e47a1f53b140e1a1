"""The start of Freqpilot in a process: the table of all seams by group, and what puts them in
place.

A group is imported when a command needs it (:mod:`freqpilot.host.boot.needs`), as most of the time
that Freqpilot adds to a command goes into imports.
"""

from collections.abc import Callable, Collection

from freqpilot.host.boot.carrier import Carrier
from freqpilot.host.boot.needs import ALL, Group, guard
from freqpilot.host.seams import activation
from freqpilot.host.seams import freqtrade as types
from freqpilot.host.seams.seam import Seam


def _config() -> tuple[Seam, ...]:
    from freqpilot.host.boot import setup

    return (*setup.SEAMS, types.CONFIG)


def _strategies() -> tuple[Seam, ...]:
    from freqpilot.host.boot import resolvers

    return resolvers.seams("strategies")


def _freqaimodels() -> tuple[Seam, ...]:
    from freqpilot.host.boot import resolvers

    return resolvers.seams("freqaimodels")


def _hyperopts() -> tuple[Seam, ...]:
    from freqpilot.host.boot import resolvers

    return resolvers.seams("hyperopts")


def _protections() -> tuple[Seam, ...]:
    from freqpilot.host.boot import resolvers

    return resolvers.seams("protections")


def _pairlists() -> tuple[Seam, ...]:
    from freqpilot.host.boot import resolvers

    return resolvers.seams("pairlists")


def _parameters() -> tuple[Seam, ...]:
    from freqpilot.host.boot import parameterfiles

    return parameterfiles.SEAMS


def _candles() -> tuple[Seam, ...]:
    from freqpilot.host.candles import files

    return (*files.SEAMS, types.CANDLES)


def _trading() -> tuple[Seam, ...]:
    from freqpilot.host.orders import halt
    from freqpilot.host.trading import adjusting, resting

    return (*halt.SEAMS, *resting.SEAMS, *adjusting.SEAMS, types.TRADING)


def _live() -> tuple[Seam, ...]:
    from freqpilot.host.alerts import channels
    from freqpilot.host.boot import reload
    from freqpilot.host.gate import entry, health
    from freqpilot.host.gate import live as gate
    from freqpilot.host.loop import live as loop
    from freqpilot.host.orders import sending, stops
    from freqpilot.host.run import exitsonly

    return (
        *gate.SEAMS,
        *entry.SEAMS,
        *sending.SEAMS,
        *health.SEAMS,
        *stops.SEAMS,
        *loop.SEAMS,
        *channels.SEAMS,
        *exitsonly.SEAMS,
        *reload.SEAMS,
        types.LIVE,
    )


def _backtest() -> tuple[Seam, ...]:
    from freqpilot.host.candles import rows
    from freqpilot.host.gate import backtest as gate
    from freqpilot.host.loop import backtest as loop
    from freqpilot.host.trading import fills

    return (*gate.SEAMS, *loop.SEAMS, *rows.SEAMS, *fills.SEAMS, types.BACKTEST)


def _lookahead() -> tuple[Seam, ...]:
    from freqpilot.host.loop import lookahead

    return lookahead.SEAMS


def _freqai() -> tuple[Seam, ...]:
    from freqpilot.host.freqai import fixes, identity
    from freqpilot.host.freqai.features import stage
    from freqpilot.host.freqai.training import files, queue, service

    return (
        *fixes.SEAMS,
        *identity.SEAMS,
        *queue.SEAMS,
        *stage.SEAMS,
        *files.SEAMS,
        *service.SEAMS,
        types.FREQAI,
    )


TABLE: dict[Group, Callable[[], tuple[Seam, ...]]] = {
    "config": _config,
    "strategies": _strategies,
    "freqaimodels": _freqaimodels,
    "hyperopts": _hyperopts,
    "protections": _protections,
    "pairlists": _pairlists,
    "parameters": _parameters,
    "candles": _candles,
    "trading": _trading,
    "live": _live,
    "backtest": _backtest,
    "lookahead": _lookahead,
    "freqai": _freqai,
}


def seams_of(groups: Collection[str]) -> tuple[Seam, ...]:
    """Return the seams of some groups, in the order in which they are applied."""
    return tuple(seam for group, seams in TABLE.items() if group in groups for seam in seams())


def all_seams() -> tuple[Seam, ...]:
    """Return every seam, in the order in which they are applied."""
    return seams_of(ALL)


def begin() -> None:
    """Put the seam in place that reads the configuration. May be called again: it does nothing
    then.

    A fault does not raise here, because Freqtrade would bury it in a traceback of its logging
    set-up; it is kept, and the seam shows it as one line before anything starts. Only when even
    that seam does not fit does the error leave from here.
    """
    from freqpilot.host.boot import setup

    activation.begin(seams_of, ("config",), setup.apply_refusal, CARRIER)


def complete(groups: Collection[str]) -> None:
    """Put the seams of some groups in place; a fault is kept, see :func:`begin`."""
    activation.complete(groups, guards=guard(groups))


def activate() -> None:
    """Put all seams in place. May be called again: it does nothing then."""
    begin()
    complete(ALL)


def arrive(groups: Collection[str] = ALL) -> Carrier:
    """Put ``groups`` in place in the process that unpickles the config."""
    begin()
    complete(groups)
    return CARRIER


def _carried() -> tuple[str, ...]:
    """Return the groups that a worker process of this one needs: all before any was asked for."""
    return activation.groups() or ALL


CARRIER = Carrier(arrive, _carried)
