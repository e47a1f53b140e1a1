"""Which model is fitted next, and when: a pure function of ages, budget, quiet hours and time.

Times are seconds since the epoch; a day of UTC begins at each multiple of 86,400.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from freqpilot.settings import TrainingSettings

HOUR, DAY = 3_600.0, 86_400.0
EARLY = 0.5
"""Share of the pace at which a model is old enough to be fitted early, in quiet hours."""


@dataclass(frozen=True)
class Standing:
    """How a pair's model stands: ``trained`` until when it saw candles (0: there is none),
    ``retry_at`` before which it is not tried again, ``held`` whether the pair has an open position.
    """

    pair: str
    trained: float = 0.0
    retry_at: float = 0.0
    held: bool = False


@dataclass(frozen=True)
class Pace:
    """``retrain``: seconds after which a model is due; ``expires``: after which it is not used any
    more (0: never)."""

    retrain: float
    expires: float = 0.0


@dataclass(frozen=True)
class Spent:
    """A fit that took ``seconds`` and ended at ``end``, failed ones too."""

    end: float
    seconds: float


def next_fit(
    standings: Sequence[Standing],
    spent: Iterable[Spent],
    now: float,
    pace: Pace,
    settings: TrainingSettings,
) -> Standing | None:
    """Return the pair whose model is to be fitted now, None where none is.

    ``standings`` in order of the whitelist, which decides among equals: of those that are due the
    oldest model, one with an open position counting ``open_weight`` times its age, a missing one
    first. A fit begins only if it may take ``fit_seconds`` without the last 60 minutes' fits going
    over ``seconds_per_hour``, so a fit that keeps its own limit keeps the budget.
    """
    if left(spent, now, settings) < settings.fit_seconds:
        return None
    due = [each for each in standings if is_due(each, now, pace, settings)]
    if not due:
        return None
    return max(due, key=lambda each: _urgency(each, now, settings))  # of equals the first


def pending(
    standings: Sequence[Standing],
    spent: Iterable[Spent],
    now: float,
    pace: Pace,
    settings: TrainingSettings,
) -> tuple[str, ...]:
    """Return the pairs that are fitted one after the other if the time stood still."""
    if left(spent, now, settings) < settings.fit_seconds:
        return ()
    return tuple(each.pair for each in standings if is_due(each, now, pace, settings))


def left(spent: Iterable[Spent], now: float, settings: TrainingSettings) -> float:
    """Return the seconds of fitting that the 60 minutes up to ``now`` still allow. A fit counts
    whole while any of it lies within them; one that ended hours from now did so before the clock
    was put back."""
    used = sum(each.seconds for each in spent if now - HOUR < each.end <= now + HOUR)
    return settings.seconds_per_hour - used


def is_due(standing: Standing, now: float, pace: Pace, settings: TrainingSettings) -> bool:
    """Tell whether a pair's model may be fitted at ``now``, the budget apart."""
    if now < standing.retry_at:
        return False
    age = _age(standing, now)
    windows = settings.windows
    if not windows:
        return age > pace.retrain
    if quiet(now, windows):
        if age > pace.retrain:
            return True
        # What would become due by day is fitted now, but not twice in one night.
        return age >= EARLY * pace.retrain and age + until_quiet(now, windows) > pace.retrain
    if settings.quiet == "only" or age <= pace.retrain:
        return False
    last = pace.expires if pace.expires > 0 else 2 * pace.retrain
    return age + until_quiet(now, windows) > last


def quiet(now: float, windows: Sequence[tuple[int, int]]) -> bool:
    """Tell whether ``now`` lies in one of the windows (seconds of the day; one whose end is not
    after its begin goes over midnight)."""
    second = now % DAY
    return any(
        begin <= second < end if begin < end else second >= begin or second < end
        for begin, end in windows
    )


def until_quiet(now: float, windows: Sequence[tuple[int, int]]) -> float:
    """Return the seconds until a window begins next, above 0 and at most a day; a window that
    holds ``now`` counts with its next day."""
    second = now % DAY
    return min((begin - second) % DAY or DAY for begin, _ in windows)


def retry_at(failed_at: float, failures: int, pace: Pace, settings: TrainingSettings) -> float:
    """Return when a model is tried again after ``failures`` (≥ 1) in a row."""
    first = settings.retry_minutes * 60
    wait = first * 2.0 ** min(failures - 1, 20)
    return failed_at + min(wait, max(pace.retrain, first))


def _urgency(standing: Standing, now: float, settings: TrainingSettings) -> tuple[bool, float]:
    weight = settings.open_weight if standing.held else 1.0
    age = _age(standing, now)
    return (True, weight) if age == inf else (False, age * weight)


def _age(standing: Standing, now: float) -> float:
    """Return the age in seconds: without end where there is no model, or one from the future, whose
    age nobody knows."""
    return now - standing.trained if 0 < standing.trained <= now else inf
