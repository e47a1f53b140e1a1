"""What a metric's past says of its newest value, as it was known at each of many times (pure)."""

from collections.abc import Callable

import numpy as np

from freqpilot.facts.join import HOUR, Observations, states
from freqpilot.shapes import Floats, Ints

Measure = Callable[[Ints, Floats], float]
"""Of events (µs, rising) and their values, the newest last."""


def measured(
    observations: Observations,
    times: Ints,
    hours: float,
    measure: Measure,
    max_age: float | None = None,
) -> Floats:
    """Return ``measure`` of the events within ``hours`` before the newest one known at each of
    ``times``, that one included; NaN where none is known.

    Each event has the value that was known last while it was the newest: what is revised or comes
    in later than its successor is not looked back at, so nothing that becomes known after a time
    changes what stands there.

    :param max_age: hours after which the newest event counts as missing.
    """
    series = states(observations)
    if not series.known.size:
        return np.full(times.shape, np.nan)
    last = np.append(series.event[1:] != series.event[:-1], True)
    events, finals = series.event[last], series.value[last]
    group = np.cumsum(np.append(False, last[:-1]))
    place = np.searchsorted(series.known, times, side="right") - 1
    found = place >= 0
    if max_age is not None:
        found &= times - series.event[place] <= max_age * HOUR
    figures = np.full(series.known.size, np.nan)
    for state in np.unique(place[found]):
        newest = int(group[state])
        first = int(np.searchsorted(events, series.event[state] - int(hours * HOUR)))
        values = np.append(finals[first:newest], series.value[state])
        figures[state] = measure(events[first : newest + 1], values)
    return np.where(found, figures[place], np.nan)
