"""Puts the seams in place, or makes Freqtrade refuse to start with one clear line.

Freqtrade names Freqpilot in two steps: its logging set-up, which knows nothing of the command, and
the end of its configuration, which knows what the command does. :func:`begin` is the first,
:func:`complete` the second.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from freqpilot.errors import RefuseToStart
from freqpilot.host.seams.seam import Seam, SeamError

logger = logging.getLogger(__name__)


Table = Callable[[Collection[str]], Sequence[Seam]]


@dataclass
class _State:
    """What this process has of Freqpilot.

    ``active`` is True when everything that guards trading is in place, ``partly`` when what fits of
    it is; ``groups`` are the groups of seams that were asked for.
    """

    active: bool = False
    partly: bool = False
    refusal: str | None = None
    table: Table | None = None
    carrier: object = None
    groups: set[str] = field(default_factory=set)


_state = _State()


def active() -> bool:
    """Tell whether all seams that guard trading are in place in this process."""
    return _state.active


def refusal() -> str | None:
    """Return why Freqpilot could not be activated, or None."""
    return _state.refusal


def groups() -> tuple[str, ...]:
    """Return the groups of seams that were asked for in this process, sorted."""
    return tuple(sorted(_state.groups))


def require_active(what: str) -> None:
    """Raise Freqtrade's own fatal error unless the host is active, or runs exits-only with the
    seams that fit.

    :param what: who asks, for the message (a strategy's name).
    """
    if _state.active or _state.partly:
        return
    from freqtrade.exceptions import OperationalException

    reason = refusal() or (
        "its seams are not in place: add the files that `freqpilot init` wrote with -c, "
        "freqpilot.json among them"
    )
    raise OperationalException(f"{what} refuses to trade without Freqpilot's host: {reason}")


def begin(
    table: Table, first: Collection[str], apply_refusal: Callable[[], None], carrier: object
) -> None:
    """Put the first seams in place, or keep why they were not. May be called again: it does
    nothing then.

    :param table: returns the seams of some groups, by the groups' names.
    :param first: the groups that read the configuration.
    :param apply_refusal: puts in place what shows a refusal as one line.
    :param carrier: takes Freqpilot into worker processes, see :func:`carrier`.
    :raises Exception: only when even ``apply_refusal`` does not fit.
    """
    if _state.table is not None or _state.refusal:
        return
    _state.table, _state.carrier = table, carrier
    complete(first, guards=False)
    if refusal() is not None:
        apply_refusal()


def complete(names: Collection[str], *, guards: bool) -> None:
    """Put the seams of more groups in place, or keep why they were not, in which case none of them
    is. Groups that are in place already cost nothing.

    :param guards: whether these are all that guard trading, so that a strategy may trade.
    """
    if _state.refusal or _state.table is None:
        return
    if missing := set(names) - _state.groups:
        _state.groups |= missing
        if not _apply(_state.table(missing)):
            return
    _state.active = _state.active or guards


def require_fit_of(names: Collection[str]) -> None:
    """Check groups of seams that are not in place yet; nothing changes by it.

    :raises SeamError: with everything that is wrong with them.
    """
    if _state.table is not None and (missing := set(names) - _state.groups):
        require_fit(_state.table(missing))


def _apply(seams: Sequence[Seam]) -> bool:
    try:
        require_fit(seams)
        for seam in seams:
            seam.apply()
    except RefuseToStart as error:
        refuse(str(error))
        return False
    return True


def require_fit(seams: Sequence[Seam]) -> None:
    """:raises SeamError: with everything that is wrong with ``seams`` in one line."""
    if faults := [fault for seam in seams if (fault := fault_of(seam))]:
        raise SeamError(
            f"{'; '.join(faults)}. Freqpilot does not fit this Freqtrade: install a version "
            "of the tested range (see `freqpilot doctor`)"
        )


def carrier() -> object:
    """Return what :func:`begin` was given to take Freqpilot into worker processes."""
    return _state.carrier


def activate_partly(names: Collection[str]) -> list[str]:
    """Apply every seam of some groups that fits, after a refusal and with trades open; may be
    called again.

    :returns: what is wrong with each of the others, which are left out.
    """
    seams = () if _state.table is None else _state.table(names)
    faults = {seam.name: fault for seam in seams if (fault := fault_of(seam))}
    for seam in seams:
        if seam.name in faults:
            continue
        try:
            seam.apply()
        except Exception as error:  # the exits of open trades matter more than this seam
            logger.exception("Seam %s could not be applied", seam.name)
            faults[seam.name] = f"seam {seam.name}: {type(error).__name__}: {error}"
    _state.partly = True
    return list(faults.values())


def refuse(reason: str) -> None:
    """Keep ``reason`` and stay inactive."""
    _state.active = False
    _state.refusal = reason


def fault_of(seam: Seam) -> str | None:
    """Return what is wrong with a seam on the installed Freqtrade, or None."""
    try:
        seam.check()
    except RefuseToStart as error:
        return f"seam {seam.name}: {error}"
    except Exception as error:  # an unknown Freqtrade may fail in any way; all of them refuse
        return f"seam {seam.name}: {type(error).__name__}: {error}"
    return None
