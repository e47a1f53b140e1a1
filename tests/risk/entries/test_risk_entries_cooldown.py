"""When the volatility of a day over that of a week can be told, and what it is."""

import math

import numpy as np
import pytest

from freqpilot.risk.entries.cooldown import cooldown_factor, volatility_ratio

STEP, DAY = 21_600, 86_400  # four candles a day
WEEK = 28


def prices(moves: list[float]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    close = np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    return np.arange(len(close)) * STEP, close


def ratio(moves: list[float], late: float = 0.0, step: int = STEP) -> float:
    opened, close = prices(moves)
    return volatility_ratio(opened, close, step, float(opened[-1] + STEP + late))


CALM = [0.01, -0.01] * (WEEK // 2)
WILD = CALM[:-4] + [0.02, -0.02] * 2


def test_the_day_and_the_week_by_hand() -> None:
    assert ratio(CALM) == pytest.approx(1.0)
    assert ratio(WILD) == pytest.approx(0.02 / math.sqrt((24 * 0.01**2 + 4 * 0.02**2) / 28))
    assert ratio([9.0, -9.0, *WILD]) == pytest.approx(ratio(WILD)), "older ones are not looked at"
    assert ratio([*CALM[:-5], 0.5, *CALM[-4:]]) < 0.2, "the fifth from the end is not of the day"


@pytest.mark.parametrize(("late", "known"), [(0, True), (2 * STEP, True), (2 * STEP + 1, False)])
def test_the_newest_candle_may_be_two_steps_old(late: float, known: bool) -> None:
    opened, close = prices(CALM)
    # A candle that is not closed yet is not looked at.
    found = volatility_ratio(opened, close, STEP, float(opened[-1] + STEP + late))
    assert math.isnan(found) is not known


def test_a_candle_that_is_not_closed_is_not_looked_at() -> None:
    opened, close = prices([*WILD, 5.0])
    before = volatility_ratio(opened[:-1], close[:-1], STEP, float(opened[-1]))
    assert volatility_ratio(opened, close, STEP, opened[-1] + STEP - 1.0) == before
    assert volatility_ratio(opened, close, STEP, float(opened[-1] + STEP)) != before


@pytest.mark.parametrize(("count", "known"), [(18, False), (19, True), (28, True)])
def test_two_thirds_of_the_week_are_needed(count: int, known: bool) -> None:
    assert math.isnan(ratio(CALM[:count])) is not known


@pytest.mark.parametrize(
    ("gone", "known"),
    [
        ([], True),
        ([-1], True),  # three of the day's four returns are left
        ([-3], False),
        ([-5], True),  # only the first of the day's returns is lost
    ],
)
def test_two_thirds_of_the_day_are_needed(gone: list[int], known: bool) -> None:
    opened, close = prices(CALM)
    close[gone] = math.nan
    found = volatility_ratio(opened, close, STEP, float(opened[-1] + STEP))
    assert math.isnan(found) is not known


@pytest.mark.parametrize(("gone", "known"), [([], True), ([-3], True), ([-3, -1], False)])
def test_a_third_of_the_day_may_be_missing_and_no_more(gone: list[int], known: bool) -> None:
    step = 14_400  # six candles a day, of which four are enough
    opened, close = np.arange(61) * step, np.exp(0.01 * (np.arange(61) % 2))
    close[gone] = math.nan
    found = volatility_ratio(opened, close, step, float(opened[-1] + step))
    assert math.isnan(found) is not known


def test_longer_candles_than_a_quarter_of_a_day_cannot_tell() -> None:
    opened, close = np.arange(60) * (STEP + 1), np.exp(0.01 * (np.arange(60) % 2))
    now = float(opened[-1] + STEP + 1)
    assert math.isnan(volatility_ratio(opened, close, STEP + 1, now))


def test_a_market_that_stands_still_is_an_ordinary_one() -> None:
    assert ratio([0.0] * WEEK) == 1.0
    assert ratio([*CALM[:-4], 0.0, 0.0, 0.0, 0.0]) == 0.0


def test_no_candles_tell_nothing() -> None:
    none = np.array([], dtype=np.int64)
    assert math.isnan(volatility_ratio(none, none.astype(float), STEP, 0.0))


def test_below_both_bars_a_cooldown_is_as_it_is() -> None:
    assert [cooldown_factor(each, 1.3, 2.0, 2, 4) for each in (0.0, 1.3, 1.4, 2.0, 2.1)] == [
        *(1.0, 1.0, 2, 2, 4)
    ]
