"""A market that is moved along a path: before the moment nothing changes, after it the corners are
met, and every candle stays one."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.rehearsal.faults.scenarios import SCENARIOS
from freqpilot.rehearsal.intervals import HOUR_MS
from freqpilot.rehearsal.market.stressed import moved, with_pair
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import PairTape, Tape

START = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS = ("BTC/USDT", "XRP/USDT")
BEGIN = int(START.timestamp() * 1000) + 30 * HOUR_MS


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.from_market(SyntheticMarket(PAIRS, 60, START, 90, 7))


def flat(level: float = 100.0) -> Tape:
    """A market that rests, so that a path is all there is to see."""
    dates = pd.date_range(START, periods=90, freq="1h")
    frame = pd.DataFrame({"date": dates, "volume": 5.0})
    for place, column in enumerate(("open", "high", "low", "close")):
        frame[column] = level + 0.01 * (np.arange(90) % 2) * (place == 3)
    frame["high"] = frame[["open", "close"]].max(axis=1)
    return Tape({"A/USDT": frame}, 60, True)


def candle(pair: PairTape, hour: int) -> dict[str, float]:
    row = int(np.searchsorted(pair.base.date, BEGIN + hour * HOUR_MS))
    return {name: float(values[row]) for name, values in pair.base._asdict().items()}


def test_a_fall_within_a_candle_is_its_low() -> None:
    pair = moved(flat(), BEGIN, ((0, 0), (0.5, 1), (2, 0.5)), {"A/USDT": -0.4}).pairs["A/USDT"]
    first = candle(pair, 0)
    assert first["open"] == pytest.approx(100)
    assert first["low"] == pytest.approx(60)
    assert first["close"] == pytest.approx(100 - 40 * (1 - 0.5 / 3), abs=0.02)
    assert candle(pair, 1)["close"] == pytest.approx(80, abs=0.02)
    assert candle(pair, 40)["low"] == pytest.approx(80, abs=0.02), "it stays where the path ends"


def test_a_path_that_begins_moved_is_a_gap() -> None:
    pair = moved(flat(), BEGIN, ((0, 1),), {"A/USDT": -0.25}).pairs["A/USDT"]
    assert candle(pair, -1)["low"] == pytest.approx(100)
    assert candle(pair, 0)["high"] == pytest.approx(75, abs=0.02)


def test_what_was_before_is_untouched(tape: Tape) -> None:
    after = moved(tape, BEGIN, ((0, 1),), dict.fromkeys(PAIRS, -0.3), volume=0.001, as_one=True)
    for name in PAIRS:
        count = int((tape.pairs[name].base.date < BEGIN).sum())
        for before, now in zip(tape.pairs[name].base, after.pairs[name].base, strict=True):
            np.testing.assert_array_equal(before[:count], now[:count])
        assert after.pairs[name].base.volume[count] == pytest.approx(
            tape.pairs[name].base.volume[count] / 1000
        )


def test_as_one_all_pairs_take_the_steps_of_the_first(tape: Tape) -> None:
    after = moved(tape, BEGIN, ((0, 0),), {}, as_one=True)
    closes = [pair.base.close[pair.base.date >= BEGIN] for pair in after.pairs.values()]
    steps = [np.diff(np.log(close)) for close in closes]
    assert np.corrcoef(steps)[0, 1] > 0.999
    np.testing.assert_array_equal(closes[0], tape.pairs["BTC/USDT"].base.close[30:])


def test_a_stablecoin_beside_the_market_rests_and_can_move(tape: Tape) -> None:
    wider = with_pair(tape, "USDC/USDT", 1.0, 1e6)
    assert list(wider.pairs) == [*PAIRS, "USDC/USDT"]
    assert wider.symbol("USDCUSDT").price(BEGIN) == pytest.approx(1.0, abs=2e-4)
    after = moved(wider, BEGIN, ((0, 0), (12, 1)), {"USDC/USDT": 0.136})
    assert after.symbol("USDCUSDT").price(BEGIN + 13 * HOUR_MS) == pytest.approx(1.136, abs=2e-3)


@given(
    st.sampled_from([each for each in SCENARIOS if each.recorded is None]),
    st.floats(-0.95, 1.5),
    st.integers(-5, 40),
)
def test_every_candle_stays_a_candle(scenario, move, hour) -> None:  # type: ignore[no-untyped-def]
    market = Tape.from_market(SyntheticMarket(PAIRS, 60, START, 60, 7))
    begin = BEGIN + hour * HOUR_MS
    # A tape refuses candles whose high or low is inside, and prices that are not positive.
    moved(
        market, begin, scenario.path, dict.fromkeys(PAIRS, move),
        volume=scenario.volume, as_one=scenario.as_one,
    )  # fmt: skip
