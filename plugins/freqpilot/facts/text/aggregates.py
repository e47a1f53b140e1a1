"""What many texts say together at some times (pure).

Every figure at a time is a function of the texts that were known by then: later ones change
nothing. Times are microseconds since the epoch; a text is as old as its event, and unknown before
``known``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from freqpilot.facts.join import HOUR
from freqpilot.shapes import Bools, Floats, Ints

PRIOR = 1.0
"""Texts of score 0 and weight 1 that stand beside the real ones, so few or old ones say little."""
HALF_LIVES = 20
"""Beyond, a text weighs less than a millionth."""
DAYS = 30
"""Days before, that a number of mentions is compared with."""
MOST = 16.0
"""Largest value of the spike test, −log10 of a chance."""


class Texts(NamedTuple):
    """Texts about one coin, by event: when each happened and came to be known, its score −1…1 and
    its weight (0: a copy, which counts nowhere)."""

    event: Ints
    known: Ints
    score: Floats
    weight: Floats

    def __len__(self) -> int:
        return int(self.event.size)

    def take(self, rows: Bools | Ints) -> "Texts":
        """Return some of them."""
        return Texts(self.event[rows], self.known[rows], self.score[rows], self.weight[rows])


@dataclass(frozen=True)
class Scales:
    """``half_life`` and ``window`` in hours; ``min_days`` of texts before mentions can be
    unusual."""

    half_life: float = 6.0
    window: float = 24.0
    min_days: int = 7


def loudness(engagement: Floats, most: float) -> Floats:
    """Return by how much a text with so many reactions counts more than one without:
    1 + log10(1 + n), at most ``most``, so that one viral post is no more than a few plain ones;
    1 where nothing is known (NaN)."""
    known = np.where(np.isfinite(engagement), np.maximum(engagement, 0.0), 0.0)
    return np.minimum(1.0 + np.log10(1.0 + known), max(1.0, most))


def ordered(event: Ints, known: Ints, score: Floats, weight: Floats) -> Texts:
    """Return texts in their order; unknown before they happened."""
    place = np.lexsort((known, event))
    known = np.maximum(known, event)
    return Texts(event[place], known[place], score[place], weight[place])


def joined(one: Texts, other: Texts) -> Texts:
    """Return both in their order."""
    return ordered(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def reach(scales: Scales) -> int:
    """Return how far back, in microseconds, texts can matter."""
    hours = max(HALF_LIVES * scales.half_life, (DAYS + 1) * scales.window) + scales.window
    return int(hours * HOUR)


def level(texts: Texts, times: Ints, half_life: float) -> Floats:
    """Return the mean score, weights halved with each half-life of age:
    Σ w·s·2^(−age/h) ÷ (Σ w·2^(−age/h) + ``PRIOR``); NaN where nothing weighs.

    A text may stand here several times, each with what it came to weigh more or less later on.
    """
    out = np.full(times.size, np.nan)
    span = int(HALF_LIVES * half_life * HOUR)
    for at, rows in _known(texts, times, span):
        weight = texts.weight[rows] * np.exp2((texts.event[rows] - times[at]) / HOUR / half_life)
        if weight.any():
            out[at] = float(weight @ texts.score[rows]) / (float(weight.sum()) + PRIOR)
    return out


def velocity(texts: Texts, times: Ints, scales: Scales) -> Floats:
    """Return by how much :func:`level` has changed since ``window`` before, as it was then."""
    before = times - int(scales.window * HOUR)
    return level(texts, times, scales.half_life) - level(texts, before, scales.half_life)


def mentions(texts: Texts, times: Ints, window: float) -> Floats:
    """Return how many texts happened in the ``window`` hours up to each time."""
    out = np.zeros(times.size)
    for at, rows in _known(texts, times, int(window * HOUR)):
        out[at] = np.count_nonzero(texts.weight[rows])
    return out


def spike(texts: Texts, times: Ints, since: int, scales: Scales) -> Floats:
    """Return −log10 of the chance of so many mentions or more, at most 16, by the windows of the
    30 before; NaN while fewer than ``min_days`` of them are covered.

    A negative binomial, Poisson where the windows vary no more. Mean and variance are of the
    windows cut to median ± 3 × 1.4826 × MAD (at least 1), so that one earlier spike does not hide
    this one.

    :param since: texts were collected from then on.
    """
    out = np.full(times.size, np.nan)
    step = int(scales.window * HOUR)
    for at, rows in _known(texts, times, (DAYS + 1) * step):
        ages = (times[at] - texts.event[rows][texts.weight[rows] > 0]) // step
        counts = np.bincount(ages.astype(np.int64), minlength=DAYS + 1)[: DAYS + 1]
        covered = min(DAYS, int((times[at] - since) // step) - 1)
        if covered >= scales.min_days:
            out[at] = surprise(int(counts[0]), counts[1 : 1 + covered].astype(np.float64))
    return out


def surprise(count: int, history: Floats) -> float:
    """Return −log10 P(X ≥ count) of the robust negative binomial of ``history``, 0…16."""
    # Only where it is used: it takes a while.
    from scipy.special import betainc, gammainc

    if count <= 0:
        return 0.0
    middle = float(np.median(history))
    width = max(1.0, 3 * 1.4826 * float(np.median(np.abs(history - middle))))
    cut = np.clip(history, middle - width, middle + width)
    # Half a mention more, or nothing at all would make one mention a wonder.
    mean = (float(cut.sum()) + 0.5) / history.size
    variance = float(np.var(cut, ddof=1)) if history.size > 1 else 0.0
    if variance > mean * (1 + 1e-9):
        size = mean * mean / (variance - mean)
        chance = float(betainc(count, size, mean / (mean + size)))
    else:
        chance = float(gammainc(count, mean))
    return min(MOST, -float(np.log10(max(chance, 10.0**-MOST)))) + 0.0


def aggregate(
    texts: Texts,
    times: Ints,
    since: int,
    scales: Scales,
    loud: Bools | None = None,
    grown: tuple[Texts, Bools] | None = None,
) -> Mapping[str, Floats]:
    """Return the metrics of a coin at some times, NaN where one is not known.

    :param loud: which texts are of the accounts that a user named, whose own level and number are
        told.
    :param grown: what the texts came to weigh more or less when their engagement changed, and
        which of these are of such an account: they change levels and count as no mention.
    """
    weighed = texts if grown is None else joined(texts, grown[0])
    found = {
        "sentiment": level(weighed, times, scales.half_life),
        "sentiment_velocity": velocity(weighed, times, scales),
        "mentions": mentions(texts, times, scales.window),
        "mentions_spike": spike(texts, times, since, scales),
    }
    if loud is not None:
        named = texts.take(loud)
        found["influencers"] = mentions(named, times, scales.window)
        if grown is not None:
            named = joined(named, grown[0].take(grown[1]))
        found["influencer_sentiment"] = level(named, times, scales.half_life)
    quiet = ~mentioned(texts, times, scales)
    for values in found.values():
        values[quiet] = np.nan
    return found


def mentioned(texts: Texts, times: Ints, scales: Scales) -> Bools:
    """Tell when a coin was written of lately: before, nobody knew that it would be."""
    out = np.zeros(times.size, np.bool_)
    for at, rows in _known(texts, times, reach(scales)):
        out[at] = rows.size > 0
    return out


def _known(texts: Texts, times: Ints, span: int) -> Iterator[tuple[int, Ints]]:
    """Yield for each time the texts that happened within ``span`` before it and were known."""
    for at, time in enumerate(times.tolist()):
        begin, end = np.searchsorted(texts.event, (time - span, time), side="right")
        rows = np.arange(begin, end)[texts.known[begin:end] <= time]
        yield at, rows
