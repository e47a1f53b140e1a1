"""One model for all pairs: stacked candles, ranks across pairs, and the pair as a category."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from freqpilot.models.base import artefact
from freqpilot.models.base.fitted import Cores, Fitted, Model, tuples
from freqpilot.models.base.heads import Forecast
from freqpilot.models.base.target import Target
from freqpilot.models.base.window import Window
from freqpilot.models.sequences.context import lag_names, lagged
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Bools, Floats, Floats32, Ints

PAIR = "pair"
VERSION = 1
LEAST_SHARE = 0.5
"""Share of a model's pairs that must be there at a candle for its ranks to say what they said in
training; at others there is neither training nor a forecast."""

BATCH = 512
"""Rows that are put into their places at once."""


class Member(NamedTuple):
    """One pair's candles of a window: features (n × k), labels (NaN where not known), candle
    numbers that all pairs share, and those at which the labels are decided."""

    x: Floats32
    y: Floats
    time: Ints
    end: Ints
    weights: Floats
    unique: Floats


def cross_ranks(
    members: Mapping[str, tuple[Ints, Floats32]], least: int = 1
) -> dict[str, Floats32]:
    """Return for each pair the place of its features among those of all pairs at the same candle,
    from −.5 (lowest) to .5 (highest), ties in the middle of theirs; 0 where it is alone, NaN where
    its own figure is missing or fewer than ``least`` pairs have one.

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
        count = there.sum(axis=1)
        there &= (count >= least)[:, None]
        others = np.maximum(count - 1, 1)
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
        return self.ranked_of({pair: (time, x[:, chosen]) for pair, (time, x) in members.items()})

    def ranked_of(self, members: Mapping[str, tuple[Ints, Floats32]]) -> dict[str, Floats32]:
        """Return the same of members whose columns are :attr:`ranked` alone."""
        return cross_ranks(members, math.ceil(LEAST_SHARE * len(self.pairs)))

    def complete(self, time: Ints, x: Floats32, ranks: Floats32) -> Bools:
        """Tell for each row of a pair whether no pooled column of it is missing."""
        own = np.asarray(np.isfinite(x).all(axis=1) & np.isfinite(ranks).all(axis=1))
        if self.length == 1:
            return own
        missing = np.where(own, 0, np.nan).astype(np.float32)[:, None]
        return np.asarray(np.isfinite(lagged(missing, time, self.step, self.length)).all(axis=1))

    def widen(self, pair: str, time: Ints, x: Floats32, ranks: Floats32) -> Floats32:
        """Return the pooled columns (n × :attr:`columns`) of one pair."""
        code = self.pairs.index(pair) if pair in self.pairs else len(self.pairs)
        width = x.shape[1]
        out = np.empty((len(x), width + ranks.shape[1] + 1), np.float32)
        out[:, :width], out[:, width:-1], out[:, -1] = x, ranks, code
        return out if self.length == 1 else lagged(out, time, self.step, self.length)


def stack(members: Mapping[str, Member], layout: Layout, last: int, every: int = 1) -> Window:
    """Return one window of all pairs, in order of time.

    :param last: the window's last candle number; a label decided behind it is left out.
    :param every: of so many candles one is kept, the same of all pairs: labels overlap, so that
        neighbours say much the same.
    """
    ranks = layout.ranks({pair: (member.time, member.x) for pair, member in members.items()})
    rows = {
        pair: np.flatnonzero(
            layout.complete(member.time, member.x, ranks[pair])
            & np.isfinite(member.y)
            & (member.end <= last)
            & (member.time % every == last % every)
        )
        for pair, member in members.items()
    }
    y, time, end, weights, unique = (
        np.concatenate([getattr(member, field)[rows[pair]] for pair, member in members.items()])
        for field in ("y", "time", "end", "weights", "unique")
    )
    order = np.argsort(time, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    x = np.empty((len(order), len(layout.columns)), np.float32)
    begin = 0
    # Straight into their places: a copy of all rows more would double the memory.
    for pair, member in members.items():
        kept = rows[pair]
        to = place[begin : begin + len(kept)]
        begin += len(kept)
        if layout.length > 1:
            x[to] = layout.widen(pair, member.time, member.x, ranks[pair])[kept]
            continue
        for part in range(0, len(kept), BATCH):
            some = kept[part : part + BATCH]
            x[to[part : part + BATCH]] = layout.widen(
                pair, member.time[some], member.x[some], ranks[pair][some]
            )
    return Window(
        x, y[order], time[order], end[order], last, weights[order], unique[order],
        layout.columns, layout.categorical,
    )  # fmt: skip


@dataclass(frozen=True)
class Pooled:
    """A model of the catalogue, fitted once on all pairs of a window.

    ``targets`` are those of each pair where a strategy's own target was learned: what moves one
    pair is small for another, so each is scaled by itself; then forecasts of :meth:`predict` are
    in a pair's own units, those of a pair that was not trained on in the middle one's.
    """

    layout: Layout
    fitted: Fitted
    targets: tuple[tuple[str, Target], ...] = ()

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
        targets: Mapping[str, Target] | None = None,
        every: int = 1,
        step: int = 1,
    ) -> "Pooled":
        """Fit ``model`` on the candles of ``members`` up to ``last``; see :func:`stack`.

        :param targets: by which the members' labels were scaled, if they were.
        :param step: candle numbers from one candle to the next, for models that read several.
        :raises TooShort: when the purged parts are empty.
        """
        length = int(getattr(model, "length", 1))
        layout = Layout(tuple(names), tuple(ranked), tuple(sorted(members)), length, step)
        ordered = {pair: members[pair] for pair in layout.pairs}
        aims = tuple((pair, targets[pair]) for pair in layout.pairs) if targets else ()
        fitted = model.fit(stack(ordered, layout, last, every), settings, seed)
        return cls(layout, fitted, aims)

    def target(self, pair: str) -> Target | None:
        """Return the target of ``pair``, None where the labels are the pack's own."""
        if not self.targets:
            return None
        known = dict(self.targets)
        if pair in known:
            return known[pair]
        return sorted(known.values(), key=lambda target: target.scale)[len(known) // 2]

    def save(self, path: Path) -> None:
        """Write layout and model as JSON with a digest of the content."""
        content = {
            "version": VERSION,
            "layout": asdict(self.layout),
            "fitted": self.fitted.content(),
            "targets": [[pair, asdict(target)] for pair, target in self.targets],
        }
        artefact.write(path, content)

    @classmethod
    def load(cls, path: Path, cores: Cores) -> "Pooled":
        """Read a model whose core is one of ``cores``.

        :raises Degraded: when the file is missing, is none, or was changed.
        """
        content = artefact.read(path)
        try:
            if content["version"] != VERSION:
                raise ValueError(f"version {content['version']} is not {VERSION}")
            layout = Layout(**{key: tuples(value) for key, value in content["layout"].items()})
            targets = tuple((pair, Target(**target)) for pair, target in content["targets"])
            return cls(layout, Fitted.of_content(content["fitted"], cores), targets)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise artefact.corrupt(path, error) from None

    def predict(self, members: Mapping[str, tuple[Ints, Floats32]]) -> dict[str, Forecast]:
        """Return the forecasts of each pair, from all pairs' candle numbers and features: the
        ranks of one are made from the others of the same candle."""
        ranks = self.layout.ranks(members)
        out = {}
        for pair, (time, x) in members.items():
            found = self.fitted.predict(self.layout.widen(pair, time, x, ranks[pair]))
            target = self.target(pair)
            out[pair] = found if target is None else target.restored(found)
        return out
