"""One model for all pairs: ranks across them, the pair as a category, no candle ahead."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from freqpilot.models.boosting import TreesMean
from freqpilot.models.catalogue import MODELS
from freqpilot.models.pooled import PAIR, Layout, Member, Pooled, cross_ranks, stack
from freqpilot.models.window import parts
from freqpilot.settings import LabelSettings

LABELS = LabelSettings(horizon=4, purge=6, embargo=6)
NAMES = ("a", "b", "c")
PAIRS = ("ADA/USDT", "BTC/USDT", "ETH/USDT", "SOL/USDT")


def member(seed: int, level: float, rows: int = 400) -> Member:
    """Return a pair whose ``a`` tells the outcome only beside the others': all have a common
    part, which says nothing."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(99).standard_normal(rows) * 5
    x = rng.standard_normal((rows, 3)).astype(np.float32)
    y = x[:, 0].astype(np.float64) + 0.5 * rng.standard_normal(rows) + level
    x[:, 0] += common
    time = np.arange(rows)
    ones = np.ones(rows)
    return Member(x, y, time, time + 4, ones, ones)


def pool() -> dict[str, Member]:
    return {pair: member(seed, 0.0) for seed, pair in enumerate(PAIRS)}


def fit(name: str = "trees_regressor", ranked: tuple[str, ...] = ("a",)) -> Pooled:
    return Pooled.fit(MODELS[name], pool(), NAMES, ranked, 399, LABELS, 1)


@given(st.integers(0, 2**20), st.integers(1, 6))
def test_ranks_are_those_of_scipy(seed: int, pairs: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, (pairs, 5)).astype(np.float32)
    time = np.arange(5)
    found = cross_ranks({str(k): (time, values[k][:, None]) for k in range(pairs)})
    for step in range(5):
        wanted = (rankdata(values[:, step]) - (pairs + 1) / 2) / max(pairs - 1, 1)
        got = [found[str(k)][step, 0] for k in range(pairs)]
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_pair_without_a_candle_or_figure_is_not_ranked() -> None:
    one = np.array([[1.0], [2.0], [np.nan]], np.float32)
    two = np.array([[5.0], [5.0]], np.float32)
    found = cross_ranks({"A": (np.arange(3), one), "B": (np.array([1, 2]), two)})
    np.testing.assert_array_equal(found["A"][:, 0], [0.0, -0.5, np.nan])
    np.testing.assert_array_equal(found["B"][:, 0], [0.5, 0.0])


def test_ranks_find_what_stands_out_only_among_others() -> None:
    fresh = {pair: member(seed + 50, 0.0) for seed, pair in enumerate(PAIRS)}
    asked = {pair: (m.time, m.x) for pair, m in fresh.items()}
    outcome = np.concatenate([m.y for m in fresh.values()])

    def skill(found: Pooled) -> float:
        means = np.concatenate([f.mean for f in found.predict(asked).values()])
        return float(np.corrcoef(means, outcome)[0, 1])

    assert skill(fit()) > 0.4
    assert skill(fit(ranked=())) < skill(fit()) / 2


def test_the_pair_is_a_category() -> None:
    members = {pair: member(k, 2.0 * (-1) ** k) for k, pair in enumerate(PAIRS)}
    found = Pooled.fit(MODELS["trees_regressor"], members, NAMES, (), 399, LABELS, 1)
    core = found.fitted.core
    assert isinstance(core, TreesMean)
    assert re.search(r"num_cat=[1-9]", core.text), "codes are no figures to split between"
    means = found.predict({pair: (m.time, m.x) for pair, m in members.items()})
    signs = [np.sign(np.mean(means[pair].mean)) for pair in PAIRS]
    assert signs == [1, -1, 1, -1]
    stranger = found.predict({"NEW/USDT": (members[PAIRS[0]].time, members[PAIRS[0]].x)})
    assert np.isfinite(stranger["NEW/USDT"].mean).all()


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"last_value", "autoregression"}))
def test_every_model_pools_and_the_same_seed_gives_the_same(name: str) -> None:
    members = pool()
    if MODELS[name].classes:
        members = {
            pair: m._replace(y=np.digitize(m.y, [-0.5, 0.5]) - 1.0) for pair, m in members.items()
        }
    once = Pooled.fit(MODELS[name], members, NAMES, NAMES, 399, LABELS, 1)
    turned = dict(reversed(members.items()))
    assert Pooled.fit(MODELS[name], turned, NAMES, NAMES, 399, LABELS, 1) == once


def test_no_label_of_any_pair_reaches_into_the_next_part_or_beyond_the_window() -> None:
    layout = Layout(NAMES, ("a",), PAIRS)
    window = stack(pool(), layout, 399)
    assert window.names == (*NAMES, "rank of a", PAIR)
    assert window.end.max() <= 399
    assert (np.diff(window.time) >= 0).all()
    train, tune, hold = parts(window, LABELS)
    for before, after in ((train, tune), (tune, hold)):
        assert window.end[before].max() < window.time[after].min() - LABELS.embargo + 1
        gap = window.time[after].min() - window.time[before].max()
        assert gap > LABELS.purge + LABELS.embargo
