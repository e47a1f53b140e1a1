"""Puts the seams in place, or makes Freqtrade refuse to start with one clear line."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.seams.seam import Seam, SeamError

logger = logging.getLogger(__name__)

_state: dict[str, Any] = {
    "active": False,
    "partly": False,
    "refusal": None,
    "seams": tuple,
    "carrier": None,
}


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


def activate(
    seams: Callable[[], Sequence[Seam]], apply_refusal: Callable[[], None], carrier: object
) -> None:
    """Check and apply seams, or keep why they were not. May be called again: it does nothing then.

    :param seams: gives all seams, in the order in which they are applied.
    :param apply_refusal: puts in place what shows a refusal as one line.
    :param carrier: takes Freqpilot into worker processes, see :func:`carrier`.
    :raises Exception: only when even ``apply_refusal`` does not fit.
    """
    if active() or _state["refusal"]:
        return
    _state["seams"], _state["carrier"] = seams, carrier
    try:
        found = seams()
        faults = [fault for seam in found if (fault := fault_of(seam))]
        if faults:
            raise SeamError(
                f"{'; '.join(faults)}. Freqpilot does not fit this Freqtrade: install a version "
                "of the tested range (see `freqpilot doctor`)"
            )
        for seam in found:
            seam.apply()
    except RefuseToStart as error:
        refuse(str(error))
        apply_refusal()
    else:
        _state["active"] = True


def carrier() -> object:
    """Return what :func:`activate` was given to take Freqpilot into worker processes."""
    return _state["carrier"]


def activate_partly() -> list[str]:
    """Apply every seam that fits, after a refusal and with trades open; may be called again.

    :returns: what is wrong with each of the others, which are left out.
    """
    seams = _state["seams"]()
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
