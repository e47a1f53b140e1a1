"""A row's context: its own candles, in order, whole."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.models.base.fitted import Model
from freqpilot.models.base.window import known
from freqpilot.models.catalogue import SEQUENCES
from freqpilot.models.pooled import Layout, Member, Pooled, stack
from freqpilot.models.sequences import models
from freqpilot.models.sequences.context import lag_names, lagged, newest, summed
from freqpilot.settings import LabelSettings, SequenceSettings

LABELS = LabelSettings(horizon=4, purge=6, embargo=6)


def rows(count: int, width: int = 2) -> np.ndarray:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


def test_a_row_holds_its_candle_and_those_before_it_oldest_first() -> None:
    x = rows(5)
    found = lagged(x, np.arange(5) * 10, 10, 3)
    assert np.isnan(found[:2]).all()
    assert found[4].tolist() == [4, 5, 6, 7, 8, 9]
    assert lag_names(("a", "b"), 3) == ("a @-2", "b @-2", "a @-1", "b @-1", "a", "b")
    assert newest(found, 3)[4].tolist() == x[4].tolist()
    assert summed(found[2:].astype(float), 3)[0].tolist() == [0 + 2 + 4, 1 + 3 + 5]


@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 2, 7]), min_size=0, max_size=40),
    length=st.integers(1, 6),
    cut=st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_prefix_gap_and_origin(gaps: list[int], length: int, cut: int) -> None:
    time = np.concatenate([[0], np.cumsum(gaps)]).astype(np.int64)
    x = rows(len(time))
    found = lagged(x, time, 1, length)
    for row in range(len(time)):
        own = slice(max(row - length + 1, 0), row + 1)
        whole = row >= length - 1 and time[row] - time[own][0] == length - 1
        assert np.isfinite(found[row]).all() == whole
        if whole:
            assert found[row].tolist() == x[own].ravel().tolist()
    np.testing.assert_array_equal(lagged(x[:cut], time[:cut], 1, length), found[:cut])
    later = lagged(x[cut:], time[cut:], 1, length)[length - 1 :]
    np.testing.assert_array_equal(later, found[cut + length - 1 :])


def test_candles_out_of_order_are_named() -> None:
    with pytest.raises(ValueError, match="not in order of time, or doubled"):
        lagged(rows(3), np.asarray([0, 2, 2]), 1, 2)


def test_pooled_rows_never_hold_another_pairs_candles() -> None:
    """Two pairs of the same hours, told apart by their figures; one has a gap."""
    hours = np.arange(0, 60, 3)
    gapped = np.delete(hours, 10)
    layout = Layout(("a",), (), ("one", "two"), length=3, step=3)
    members = {}
    for pair, time, level in (("one", hours, 0.0), ("two", gapped, 1_000.0)):
        ones = np.ones(len(time))
        x = (time + level).astype(np.float32)[:, None]
        members[pair] = Member(x, ones, time, time, ones, ones)
    found = stack(members, layout, 60)
    assert len(found.x) == (20 - 2) + (19 - 2 - 2)
    assert found.names == ("a @-2", "pair @-2", "a @-1", "pair @-1", "a", "pair")
    assert set(found.categorical) == {"pair @-2", "pair @-1", "pair"}
    for row, hour in zip(found.x, found.time, strict=True):
        level = 1_000.0 * row[1]
        assert row[0::2].tolist() == [hour - 6 + level, hour - 3 + level, hour + level]


ORDER = SequenceSettings(
    length=4, hidden=8, epochs=12, patience=12, batch=64, learning_rate=0.02, dropout=0.0
)


def ordered(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one feature, and labels that hang on the candles before the newest alone."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 2)).astype(np.float32)
    y = np.full(count, np.nan)
    y[3:] = np.sign(x[1:-2, 0] - x[:-3, 0]) + 0.3 * rng.standard_normal(count - 3)
    return x, y


def skill(model: Model, length: int) -> float:
    found = []
    for seed in (1, 2):
        x, y = ordered(1_400, seed)
        found.append((lagged(x, np.arange(len(x)), 1, length), y))
    (x, y), (fresh, outcome) = found
    y = y.copy()
    y[-4:] = np.nan
    names = lag_names(("return_1", "b"), length)
    ones = np.ones(len(x))
    fitted = model.fit(known(x, y, np.arange(len(x)) + 4, ones, ones, names), LABELS, 3)
    mean = fitted.predict(fresh).mean
    there = np.isfinite(mean) & np.isfinite(outcome)
    return float(np.corrcoef(mean[there], outcome[there])[0, 1])


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_the_order_of_candles_is_learnt(name: str) -> None:
    pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
    made = type(SEQUENCES[name])(ORDER)
    assert skill(made, 4) > 0.6


def test_the_newest_candle_alone_does_not_tell_it() -> None:
    """The control: what the networks learn is not in the row that other models see."""
    from freqpilot.models.catalogue import MODELS

    assert abs(skill(MODELS["linear"], 1)) < 0.1


def test_columns_that_are_no_whole_candles_are_named() -> None:
    pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
    x, ones = rows(300, 3), np.ones(300)
    window = known(x, ones, np.arange(300), ones, ones, ("a", "b", "c"))
    with pytest.raises(ValueError, match="3 columns are no whole rows of 4 candles"):
        models.GRU(ORDER).fit(window, LABELS, 1)


def test_a_pooled_model_asks_with_context() -> None:
    pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
    rng, time = np.random.default_rng(2), np.arange(0, 1_200, 3)
    members = {}
    for pair in ("one", "two"):
        x = rng.standard_normal((len(time), 2)).astype(np.float32)
        ones = np.ones(len(time))
        members[pair] = Member(x, x[:, 0].astype(float), time, time + 3, ones, ones)
    fitted = Pooled.fit(
        models.GRU(ORDER.model_copy(update={"epochs": 2})),
        members, ("a", "b"), ("b",), int(time[-1]), LABELS, 1, step=3,
    )  # fmt: skip
    given = {pair: (member.time, member.x) for pair, member in members.items()}
    whole = fitted.predict(given)
    tail = fitted.predict({pair: (t[-20:], x[-20:]) for pair, (t, x) in given.items()})
    for pair in members:
        assert np.isnan(whole[pair].mean[:3]).all()
        assert np.isnan(tail[pair].mean[:3]).all()
        np.testing.assert_array_equal(tail[pair].mean[3:], whole[pair].mean[-17:])


def test_nothing_but_a_network_itself_asks_for_torch() -> None:
    """The pack works without the extra: torch is made unfindable in a process of its own."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from freqpilot.models import autoencoder, catalogue, pooled\n"
        "from freqpilot.models.base import runtime\n"
        "from freqpilot.settings import GuardSettings, Settings\n"
        "import numpy as np\n"
        "guard = autoencoder.Autoencoder((0.0,), (1.0,), (), 1.0)\n"
        "assert guard.accepts(np.zeros((2, 1), np.float32)).all()\n"
        "assert catalogue.SEQUENCES and Settings().models.sequences.length == 32\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
