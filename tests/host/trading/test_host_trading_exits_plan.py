"""Exits by class and regime, as Freqtrade is answered about a trade."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from exit_stage import START, STEP, begin, call, candles, order, trade
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from freqpilot.errors import RefuseToStart
from freqpilot.host.account import begin as begin_module
from freqpilot.host.account.observed import observe
from freqpilot.host.boot.setup import refuse_masked_targets
from freqpilot.host.run.current import current, end
from freqpilot.host.trading import exits, proposals
from freqpilot.settings import ExitSettings, RiskSettings, Settings
from freqpilot.signals.regimes import NAMES

LATE = timedelta(hours=-1)


@pytest.fixture(autouse=True)
def run() -> Iterator[None]:
    begin(targets=True)
    yield
    end()


def inside(*regimes: str, closes: tuple[float, ...] = (), sure: float = 0.9) -> pd.DataFrame:
    """Return candles of which each has the regime at its place."""
    frame = candles(*(closes or (101.0, 104.0, 104.0, 104.0)[: len(regimes)]))
    return frame.assign(regime=list(regimes), regime_probability=sure)


def meme(*orders: Any, held: float = 1.0, stop: float = 70.0) -> Any:
    made = trade(*orders, held=held, stop=stop)
    made.pair = "DOGE/USDT"
    return made


def sale(frame: pd.DataFrame, rate: float, made: Any = None) -> Any:
    return exits.target(frame, made or trade(), STEP, call(3, rate))


@pytest.mark.parametrize(
    ("regimes", "rate", "expected"),
    [
        (("", "", ""), 104.99, None),
        (("", "", ""), 105.01, "target_1"),
        (("", "", "range_bound"), 103.34, None),
        (("", "", "range_bound"), 103.36, "target_1"),
        (("", "", "trending_bullish"), 107.49, None),
        (("", "", "trending_bullish"), 107.51, "target_1"),
        (("", "", "trending_bearish"), 105.01, "target_1"),  # against a long
        (("range_bound", "", "trending_bullish"), 107.49, None),
    ],
)
def test_the_last_closed_candle_moves_the_targets(
    regimes: tuple[str, ...], rate: float, expected: str | None
) -> None:
    found = sale(inside(*regimes), rate)
    assert (found and found[1]) == expected
    # One more candle, which is not closed yet, changes nothing.
    assert sale(inside(*regimes, "range_bound"), rate) == found


def test_an_unsure_regime_leaves_that_of_the_entrys_decision() -> None:
    frame = inside("range_bound", "", "", "")
    frame["date"] += LATE  # the first candle closes at the entry
    assert sale(frame, 103.36) == (pytest.approx(-30.0), "target_1")
    assert sale(frame.assign(regime_probability=0.69), 103.36) is None
    assert sale(frame.assign(regime=""), 103.36) is None
    assert sale(frame.drop(columns=["regime", "regime_probability"]), 103.36) is None


def test_a_regime_that_acts_now_comes_before_that_of_the_entrys_decision() -> None:
    frame = inside("range_bound", "", "", "trending_bullish")
    frame["date"] += LATE
    assert sale(frame, 105.01) is None
    assert sale(frame, 107.51) == (pytest.approx(-30.0), "target_1")


def test_what_a_range_sold_a_trend_does_not_sell_again() -> None:
    sold = trade(order("sell", 0.3, 0.3), held=0.7)
    for regime in ("range_bound", "trending_bullish", ""):
        assert sale(inside("", "", regime), 106.0, sold) is None
    assert sale(inside("", "", "range_bound"), 106.8, sold) == (pytest.approx(-30.0), "target_2")


def test_a_trend_trails_while_it_lasts_and_the_stop_stays_afterwards() -> None:
    trend, plain = inside("", "", "trending_bullish"), inside("", "", "")
    assert exits.stop(plain, trade(), STEP, call(), filled=False) is None
    found = exits.stop(trend, trade(), STEP, call(), filled=False)
    assert found == pytest.approx(104.5 * 0.95)
    kept = trade(stop=104.5 * 0.95)
    assert exits.stop(plain, kept, STEP, call(), filled=False) is None
    assert exits.stop(plain, kept, STEP, call(), filled=True) is None


def test_that_a_trend_begins_is_no_reason_to_leave() -> None:
    frame = inside("", "", "trending_bullish", closes=(101.0, 112.0, 105.0))
    assert exits.stop(frame, trade(), STEP, call(), filled=False) is None
    assert exits.exit_reason(frame, trade(), STEP, call(rate=104.0)) is None
    chosen = {"targets": True, "stops": ["trailing"]}
    begin(**chosen)
    assert exits.exit_reason(frame, trade(), STEP, call(rate=104.0)) == exits.PASSED


def test_the_price_that_fell_through_the_trends_stop_ends_the_trade() -> None:
    frame = inside("", "", "trending_bullish")
    assert exits.exit_reason(frame, trade(), STEP, call(rate=99.2)) == exits.PASSED
    assert exits.exit_reason(frame, trade(), STEP, call(rate=99.3)) is None


def test_a_meme_is_sold_in_quarters_and_never_trails() -> None:
    frame = inside("", "", "trending_bullish", closes=(150.0, 190.0, 199.0))
    assert sale(frame, 199.9, meme()) is None
    assert sale(frame, 200.1, meme()) == (pytest.approx(-25.0), "target_1")
    sold = meme(order("sell", 0.25, 0.25), held=0.75)
    assert sale(frame, 200.1, sold) is None
    assert sale(frame, 500.1, sold) == (pytest.approx(-25.0), "target_2")
    for made in (meme(), sold):
        assert exits.stop(frame, made, STEP, call(), -0.3, filled=False) is None
        assert exits.exit_reason(frame, made, STEP, call(rate=120.0)) is None


@pytest.mark.parametrize(
    ("stoploss", "stored", "expected"),
    [(-0.3, 60.0, 70.0), (-0.2, 60.0, 80.0), (-0.1, 80.0, 90.0), (None, 60.0, 96.0)],
)
def test_a_memes_first_stop(stoploss: float | None, stored: float, expected: float) -> None:
    made = meme(stop=stored)
    frame = inside("", "", "")
    found = exits.stop(frame, made, STEP, call(), stoploss, filled=True)
    assert found == pytest.approx(expected)
    made.stop_loss = expected
    assert exits.stop(frame, made, STEP, call(), -0.3, filled=True) is None
    other = trade(stop=70.0)
    assert exits.stop(frame, other, STEP, call(), stoploss, filled=True) == pytest.approx(96.0)


@pytest.mark.parametrize(
    ("hours", "top", "reason"),
    [(59.9, 109.0, None), (60, 109.0, "time_flat"), (60, 110.0, None), (100, 110.0, None)],
)
def test_a_meme_without_movement_is_left(hours: float, top: float, reason: str | None) -> None:
    frame = candles(100.0, top - 0.5, 100.0)
    found = exits.exit_reason(frame, meme(), STEP, call(hours, 99.0))
    assert found == reason
    assert exits.exit_reason(frame, trade(), STEP, call(hours, 99.0)) is None


def test_a_size_counts_with_the_memes_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "open_trades", list)
    tier = RiskSettings().tiers[0].model_copy(update={"meme_cap": 1.0})
    chosen = {
        "exits": {"meme": {"enabled": True}},
        "book": {"enabled": False},
        "meme_position": 1.0,
        "tiers": [tier.model_dump()],
    }
    begin_module.begin({"freqpilot": {"risk": chosen}}, live=False)
    observe(current(), START, 1_000.0)
    frame = candles(100.0).assign(confidence=1.0, composite=0.9)
    asked = {"side": "long", "current_rate": 100.0, "leverage": 1.0}
    asked |= {"min_stake": 1.0, "max_stake": 1_000.0}

    def stake(pair: str, stoploss: float | None) -> float:
        return proposals.stake(frame.iloc[0], pair, START, asked, stoploss)

    assert stake("DOGE/USDT", -0.3) == pytest.approx(tier.risk_per_trade * 1_000 / 0.3)
    assert stake("DOGE/USDT", None) == pytest.approx(100.0), "the sector's cap"
    assert stake("SOL/USDT", -0.3) == stake("SOL/USDT", None)


@pytest.mark.parametrize(
    ("chosen", "sells", "rests", "asks"),
    [
        ({}, False, True, False),
        ({"meme": {"enabled": True}}, True, True, True),
        ({"meme": {"enabled": True, "flat_hours": None}}, True, True, True),
        ({"targets": True}, True, False, True),
        ({"targets": True, "trail_rest": False}, True, False, True),
        (
            {
                "targets": True,
                "trail_rest": False,
                "meme": {"enabled": False},
                "regimes": {"trending_bullish": {}, "trending_bearish": {}},
            },
            True,
            True,
            False,
        ),
    ],
)
def test_what_freqtrade_has_to_ask(
    chosen: dict[str, Any], sells: bool, rests: bool, asks: bool
) -> None:
    found = ExitSettings.model_validate(chosen)
    assert (exits.sells(found), exits.rests(found), exits.asks(found)) == (sells, rests, asks)


def test_the_memes_plan_needs_freqtrade_to_ask() -> None:
    section = {"risk": {"exits": {"meme": {"enabled": True}}}}
    settings = Settings.from_config({"freqpilot": section})
    refuse_masked_targets({"position_adjustment_enable": True}, settings)
    with pytest.raises(RefuseToStart, match="position_adjustment_enable"):
        refuse_masked_targets({"position_adjustment_enable": False}, settings)


@examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(
        st.tuples(st.floats(60.0, 160.0), st.sampled_from(["", *NAMES])), min_size=2, max_size=12
    ),
    coin=st.sampled_from(["BTC", "DOGE"]),
)
def test_no_stop_of_a_trade_ever_loosens(path: list[tuple[float, str]], coin: str) -> None:
    closes, regimes = zip(*path, strict=True)
    frame = inside(*regimes, closes=closes)
    made = trade(stop=70.0)
    made.pair = f"{coin}/USDT"
    stops = [70.0]
    for hour in range(1, len(path) + 1):
        for filled in (False, hour == 1):
            found = exits.stop(frame, made, STEP, call(hour), -0.3, filled=filled)
            if found is not None:
                assert found > stops[-1]
                assert found < closes[hour - 1] or filled
                made.stop_loss = found
                stops.append(found)
    if coin == "DOGE":
        assert stops == [70.0]
