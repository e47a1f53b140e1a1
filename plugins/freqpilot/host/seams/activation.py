"""Puts the seams in place, or makes Freqtrade refuse to start with one clear line."""

import logging
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.seams.seam import Seam, SeamError, expect, wrap

logger = logging.getLogger(__name__)

_state: dict[str, Any] = {"active": False, "partly": False, "refusal": None}


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
    from freqpilot.host.loop import live
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


def active() -> bool:
    """Tell whether all seams are in place in this process."""
    return bool(_state["active"])


def refusal() -> str | None:
    """Return why Freqpilot could not be activated, or None."""
    reason = _state["refusal"]
    return str(reason) if reason else None


def require_active(what: str) -> None:
    """Raise Freqtrade's own fatal error unless the host is active, or runs exits-only with the
    seams that fit.

    :param what: who asks, for the message (a strategy's name).
    """
    if active() or _state["partly"]:
        return
    from freqtrade.exceptions import OperationalException

    reason = refusal() or (
        "its config is not loaded: add the files that `freqpilot init` wrote with -c, "
        "freqpilot.json among them"
    )
    raise OperationalException(f"{what} refuses to trade without Freqpilot's host: {reason}")


def activate() -> None:
    """Check and apply all seams. May be called again: it does nothing then.

    A fault does not raise here, because Freqtrade would bury it in a traceback of its logging
    set-up; it is kept, and the set-up seam raises it as one line before anything starts. Only
    when even that seam does not fit does the error leave from here.
    """
    if active() or _state["refusal"]:
        return
    from freqpilot.host.boot import setup

    try:
        seams = all_seams()
        faults = [fault for seam in seams if (fault := fault_of(seam))]
        if faults:
            raise SeamError(
                f"{'; '.join(faults)}. Freqpilot does not fit this Freqtrade: install a version "
                "of the tested range (see `freqpilot doctor`)"
            )
        for seam in seams:
            seam.apply()
    except RefuseToStart as error:
        refuse(str(error))
        setup.apply_refusal()
    else:
        _state["active"] = True


def activate_partly() -> list[str]:
    """Apply every seam that fits, after a refusal and with trades open; may be called again.

    :returns: what is wrong with each of the others, which are left out.
    """
    seams = all_seams()
    faults = {seam.name: fault for seam in seams if (fault := fault_of(seam))}
    for seam in seams:
        if seam.name in faults:
            continue
        try:
            seam.apply()
        except Exception as error:  # the exits of open trades matter more than this seam
            logger.exception("Seam %s could not be applied", seam.name)
            faults[seam.name] = f"seam {seam.name}: {type(error).__name__}: {error}"
    _state["partly"] = True
    return list(faults.values())


def refuse(reason: str) -> None:
    """Keep ``reason`` and stay inactive."""
    _state["active"] = False
    _state["refusal"] = reason


def fault_of(seam: Seam) -> str | None:
    """Return what is wrong with a seam on the installed Freqtrade, or None."""
    try:
        seam.check()
    except RefuseToStart as error:
        return f"seam {seam.name}: {error}"
    except Exception as error:  # an unknown Freqtrade may fail in any way; all of them refuse
        return f"seam {seam.name}: {type(error).__name__}: {error}"
    return None


__all__ = ["SeamError", "activate", "active", "all_seams", "expect", "require_active", "wrap"]
