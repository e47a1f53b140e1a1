"""One model for all pairs: ranks across them, the pair as a category, no candle ahead."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from conformance import NAMES as CONTRACT_NAMES
from conformance import ModelContract
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from freqpilot.models.base.target import Target
from freqpilot.models.base.window import Window, parts
from freqpilot.models.catalogue import CORES, MODELS
from freqpilot.models.pooled import PAIR, Layout, Member, Pooled, cross_ranks, stack
from freqpilot.models.trees.boosting import TreesMean
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


def test_a_pair_that_was_not_trained_on_has_a_code_of_its_own() -> None:
    layout = Layout(NAMES, (), PAIRS)
    one = member(1, 0.0, 5)
    codes = {
        pair: set(layout.widen(pair, one.time, one.x, np.empty((5, 0), np.float32))[:, -1])
        for pair in (*PAIRS, "NEW/USDT", "OLD/USDT")
    }
    assert [codes[pair] for pair in PAIRS] == [{0.0}, {1.0}, {2.0}, {3.0}]
    assert codes["NEW/USDT"] == codes["OLD/USDT"] == {4.0}


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


def test_ranks_of_too_few_pairs_say_nothing() -> None:
    """Half of the pairs that a model knows must be there, in training and for a forecast."""
    found = fit()
    asked = {pair: (m.time[:5], m.x[:5]) for pair, m in pool().items()}
    asked["ADA/USDT"] = (np.arange(3), asked["ADA/USDT"][1][:3])
    asked["BTC/USDT"] = (np.arange(4), asked["BTC/USDT"][1][:4])
    asked["ETH/USDT"] = (np.arange(4), asked["ETH/USDT"][1][:4])
    means = found.predict(asked)["SOL/USDT"].mean
    assert np.isfinite(means[:4]).all()
    assert np.isnan(means[4])
    late = {
        pair: m if pair == "ADA/USDT" else Member(*(part[100:] for part in m))
        for pair, m in pool().items()
    }
    window = stack(late, Layout(NAMES, ("a",), PAIRS), 399)
    assert window.time.min() == 100


@pytest.mark.parametrize("length", [1, 3])
def test_rows_are_complete_where_no_pooled_column_is_missing(length: int) -> None:
    given = member(3, 1.0, 60)
    given.x[[5, 21], 1] = np.nan
    time = np.delete(np.arange(61), 40)
    layout = Layout(("a", "b"), ("a",), ("X",), length=length)
    ranks = np.zeros((60, 1), np.float32)
    ranks[33] = np.nan
    wide = layout.widen("X", time, given.x[:, :2], ranks)
    found = layout.complete(time, given.x[:, :2], ranks)
    assert found.tolist() == np.isfinite(wide).all(axis=1).tolist()
    assert 0 < found.sum() < 60 - 2 * length


@pytest.mark.parametrize("last", [397, 398, 399])
def test_every_third_candle_is_that_of_all_pairs(last: int) -> None:
    """Counted from the window's end: its newest candle is always kept."""
    layout = Layout(NAMES, ("a",), PAIRS)
    whole, some = stack(pool(), layout, last), stack(pool(), layout, last, every=3)
    assert set(some.time % 3) == {last % 3}
    kept = whole.time % 3 == last % 3
    np.testing.assert_array_equal(some.x, whole.x[kept])
    np.testing.assert_array_equal(some.y, whole.y[kept])


def test_a_target_comes_back_in_each_pairs_own_units() -> None:
    sizes = dict(zip(PAIRS, (0.001, 0.01, 0.1, 1.0), strict=True))
    aims = {pair: Target("&-own", 5 * size, size) for pair, size in sizes.items()}
    found = Pooled.fit(MODELS["trees_regressor"], pool(), NAMES, ("a",), 399, LABELS, 1, aims)
    asked = {pair: (m.time, m.x) for pair, m in pool().items()}
    plain, own = fit().predict(asked), found.predict(asked)
    for pair, size in sizes.items():
        np.testing.assert_allclose(own[pair].mean, 5 * size + size * plain[pair].mean)
        np.testing.assert_allclose(own[pair].high, 5 * size + size * plain[pair].high)
        np.testing.assert_array_equal(own[pair].up, plain[pair].up)
    assert found.target("NEW/USDT") == aims["ETH/USDT"], "the middle one's"
    assert fit().target("ADA/USDT") is None


@dataclass(frozen=True)
class Sole:
    """A pooled model of one pair, asked as the contract asks."""

    pooled: Pooled

    columns: ClassVar[range] = range(len(CONTRACT_NAMES))

    @property
    def core(self) -> "Sole":
        return self

    def _wide(self, x: np.ndarray) -> np.ndarray:
        layout = self.pooled.layout
        time = np.arange(len(x))
        ranks = layout.ranks({"A/USDT": (time, x)})["A/USDT"]
        return layout.widen("A/USDT", time, x, ranks)

    def raw(self, x: np.ndarray) -> np.ndarray:
        fitted = self.pooled.fitted
        return fitted.core.raw(self._wide(x)[:, list(fitted.columns)])

    def predict(self, x: np.ndarray) -> Any:
        if x.shape[1] != len(CONTRACT_NAMES):
            raise ValueError(f"the model knows {len(CONTRACT_NAMES)} features, not {x.shape[1:]}")
        return self.pooled.predict({"A/USDT": (np.arange(len(x)), x)})["A/USDT"]

    def leaning(self, x: np.ndarray) -> np.ndarray:
        return self.pooled.fitted.leaning(self._wide(x))[:, : len(CONTRACT_NAMES)]

    def save(self, path: Path) -> None:
        self.pooled.save(path)

    @classmethod
    def load(cls, path: Path) -> "Sole":
        return cls(Pooled.load(path, CORES))


class SoleModel:
    """A model of the catalogue by the pool of one pair."""

    def __init__(self, name: str) -> None:
        self.name, self.classes = name, MODELS[name].classes

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Any:
        member = Member(window.x, window.y, window.time, window.end, window.weights, window.unique)
        names = CONTRACT_NAMES
        return Sole(
            Pooled.fit(
                MODELS[self.name], {"A/USDT": member}, names, names[:2], window.last, settings, seed
            )
        )


class PooledContract(ModelContract):
    def loads(self, path: Path) -> Any:
        return Sole.load(path)

    def of_another_kind(self, content: dict[str, Any]) -> dict[str, Any]:
        return content | {"fitted": content["fitted"] | {"core": {"kind": "oracle"}}}


class TestPooledRegressor(PooledContract):
    model: Any = SoleModel("trees_regressor")


class TestPooledClassifier(PooledContract):
    model: Any = SoleModel("trees_classifier")
