"""One model for all pairs: stacked candles, ranks across pairs, and the pair as a category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from freqpilot.models.fitted import Fitted, Model
from freqpilot.models.heads import Forecast
from freqpilot.models.sequences.context import lag_names, lagged
from freqpilot.models.window import Window
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats, Floats32, Ints

PAIR = "pair"


class Member(NamedTuple):
    """One pair's candles of a window: features (n × k), labels (NaN where not known), candle
    numbers that all pairs share, and those at which the labels are decided."""

    x: Floats32
    y: Floats
    time: Ints
    end: Ints
    weights: Floats
    unique: Floats


def cross_ranks(members: Mapping[str, tuple[Ints, Floats32]]) -> dict[str, Floats32]:
    """Return for each pair the place of its features among those of all pairs at the same candle,
    from −.5 (lowest) to .5 (highest), ties in the middle of theirs; 0 where it is alone, NaN where
    its own figure is missing.

    :param members: candle numbers, rising, and features by pair.
    """
    if not members:
        return {}
    times = np.unique(np.concatenate([time for time, _ in members.values()]))
    width = next(iter(members.values()))[1].shape[1]
    rows = {pair: np.searchsorted(times, time) for pair, (time, _) in members.items()}
    out = {pair: np.empty_like(x) for pair, (_, x) in members.items()}
    for column in range(width):
        grid = np.full((len(times), len(members)), np.nan, np.float32)
        for place, (pair, (_, x)) in enumerate(members.items()):
            grid[rows[pair], place] = x[:, column]
        there = np.isfinite(grid)
        others = np.maximum(there.sum(axis=1) - 1, 1)
        for place, pair in enumerate(members):
            own = grid[:, place : place + 1]
            with np.errstate(invalid="ignore"):
                balance = (grid < own).sum(axis=1) - (grid > own).sum(axis=1)
            rank = np.where(there[:, place], 0.5 * balance / others, np.nan)
            out[pair][:, column] = rank[rows[pair]]
    return out


@dataclass(frozen=True)
class Layout:
    """How a pooled model's columns are made: ``names`` of a pair's features, those of them that are
    ``ranked`` across pairs, and the ``pairs`` by their code; another pair has the code of none. A
    row holds ``length`` candles, ``step`` candle numbers apart."""

    names: tuple[str, ...]
    ranked: tuple[str, ...]
    pairs: tuple[str, ...]
    length: int = 1
    step: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the pooled columns."""
        own = (*self.names, *(f"rank of {name}" for name in self.ranked), PAIR)
        return lag_names(own, self.length)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Those of the columns that hold the pair's code."""
        return lag_names((PAIR,), self.length)

    def ranks(self, members: Mapping[str, tuple[Ints, Floats32]]) -> dict[str, Floats32]:
        """Return the ranked columns of each pair."""
        chosen = [self.names.index(name) for name in self.ranked]
        return cross_ranks({pair: (time, x[:, chosen]) for pair, (time, x) in members.items()})

    def widen(self, pair: str, time: Ints, x: Floats32, ranks: Floats32) -> Floats32:
        """Return the pooled columns (n × :attr:`columns`) of one pair."""
        code = self.pairs.index(pair) if pair in self.pairs else len(self.pairs)
        wide = np.column_stack([x, ranks, np.full(len(x), code, np.float32)]).astype(np.float32)
        return wide if self.length == 1 else lagged(wide, time, self.step, self.length)


def stack(members: Mapping[str, Member], layout: Layout, last: int) -> Window:
    """Return one window of all pairs, in order of time.

    :param last: the window's last candle number; a label decided behind it is left out.
    """
    ranks = layout.ranks({pair: (member.time, member.x) for pair, member in members.items()})
    wide = [
        layout.widen(pair, member.time, member.x, ranks[pair]) for pair, member in members.items()
    ]
    x = np.concatenate(wide)
    y, time, end, weights, unique = (
        np.concatenate([getattr(member, field) for member in members.values()])
        for field in ("y", "time", "end", "weights", "unique")
    )
    kept = np.flatnonzero(np.isfinite(x).all(axis=1) & np.isfinite(y) & (end <= last))
    kept = kept[np.argsort(time[kept], kind="stable")]
    return Window(
        x[kept], y[kept], time[kept], end[kept], last, weights[kept], unique[kept],
        layout.columns, layout.categorical,
    )  # fmt: skip


@dataclass(frozen=True)
class Pooled:
    """A model of the catalogue, fitted once on all pairs of a window."""

    layout: Layout
    fitted: Fitted

    @classmethod
    def fit(
        cls,
        model: Model,
        members: Mapping[str, Member],
        names: Sequence[str],
        ranked: Sequence[str],
        last: int,
        settings: LabelSettings,
        seed: int,
        step: int = 1,
    ) -> "Pooled":
        """Fit ``model`` on the candles of ``members`` up to ``last``; see :func:`stack`.

        :param step: candle numbers from one candle to the next, for models that read several.
        :raises TooShort: when the purged parts are empty.
        """
        length = int(getattr(model, "length", 1))
        layout = Layout(tuple(names), tuple(ranked), tuple(sorted(members)), length, step)
        ordered = {pair: members[pair] for pair in layout.pairs}
        return cls(layout, model.fit(stack(ordered, layout, last), settings, seed))

    def predict(self, members: Mapping[str, tuple[Ints, Floats32]]) -> dict[str, Forecast]:
        """Return the forecasts of each pair, from all pairs' candle numbers and features: the
        ranks of one are made from the others of the same candle."""
        ranks = self.layout.ranks(members)
        return {
            pair: self.fitted.predict(self.layout.widen(pair, time, x, ranks[pair]))
            for pair, (time, x) in members.items()
        }
