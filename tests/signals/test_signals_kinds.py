"""What each of the newer analysts makes of the case that it is for, by hand."""

import numpy as np
import pytest

from candle_source import candles
from freqpilot.features.bank.workspace import Workspace
from freqpilot.shapes import Candles, Floats, Signal
from freqpilot.signals.analysts import Analyst, MeanReversion, PatternRecognition
from freqpilot.signals.analysts import VolatilitySqueeze as Squeeze
from freqpilot.signals.analysts.outside import (
    Derivatives,
    Events,
    ExchangePremium,
    OnchainFlow,
    OrderFlow,
    SentimentScore,
    SentimentVelocity,
    WhaleActivity,
)

N = 900


def last(analyst: Analyst, source: Candles | None = None, **columns: Floats) -> tuple[float, float]:
    """Return value and confidence at the newest candle."""
    signal = analyst.evaluate(Workspace(source or candles(5, N)), columns)
    return float(signal.value[-1]), float(signal.confidence[-1])


def ending(usual: float, *newest: float) -> Floats:
    """Return a column that is ``usual``, with a little noise, and ends as given."""
    column = usual + 1e-3 * np.sin(np.arange(N) * 2.1)
    column[N - len(newest) :] = newest
    return column


def jumped(size: float) -> Candles:
    """Return a quiet market whose newest candle moves by ``size``."""
    noise = np.random.default_rng(2).standard_normal(N) * 0.002
    close = 100 * np.exp(noise)
    close[-1] *= np.exp(size)
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return Candles(np.arange(N) * 3_600_000_000_000, opened, high, low, close, np.ones(N))


@pytest.mark.parametrize("side", [1, -1])
def test_a_stretched_price_is_expected_back(side: int) -> None:
    value, sure = last(MeanReversion(), jumped(0.02 * side))
    assert value * side < -0.9
    assert sure > 0.3
    assert last(MeanReversion(), jumped(0.0005 * side))[0] == 0, "within its usual distance"


def test_mean_reversion_is_less_sure_where_the_trend_is_strong() -> None:
    work = Workspace(candles(4, 4_000))
    adx, confidence = work.adx()[500:], MeanReversion().evaluate(work).confidence[500:]
    np.testing.assert_allclose(confidence[adx <= 0.15], 1.0)
    np.testing.assert_allclose(confidence[adx >= 0.40], 0.3)


def engulfed(side: int) -> Signal:
    """Return the opinion on a quiet market that ends with an engulfing candle."""
    source, place = jumped(0.0), N - 1
    source.open[place - 1], source.close[place - 1] = 100 + 0.2 * side, 100 - 0.2 * side
    source.open[place], source.close[place] = 100 - 0.4 * side, 100 + 0.6 * side
    for column, pick, gap in ((source.high, np.maximum, 0.01), (source.low, np.minimum, -0.01)):
        column[-2:] = pick(source.open, source.close)[-2:] + gap
    return PatternRecognition().evaluate(Workspace(source))


def test_an_engulfing_candle_is_a_vote() -> None:
    up, down = engulfed(1), engulfed(-1)
    assert up.value[-1] - down.value[-1] > 0.4
    np.testing.assert_array_equal(up.value[:-2], down.value[:-2])


def test_no_pattern_is_neutral_and_half_sure() -> None:
    signal = PatternRecognition().evaluate(Workspace(candles(4, 4_000)))
    none = (signal.value == 0) & (signal.confidence > 0)
    assert none.any()
    np.testing.assert_allclose(signal.confidence[none], 0.5)


@pytest.mark.parametrize("side", [1, -1])
def test_a_squeeze_speaks_only_when_price_leaves_it(side: int) -> None:
    rng = np.random.default_rng(3)
    step = np.where(np.arange(N) < N - 30, 0.01, 0.0004)
    close = 100 * np.exp(np.cumsum(step * rng.choice([-1.0, 1.0], N) * 0.3))
    wick = np.where(np.arange(N) < N - 30, 0.01, 0.004)
    close[-1] = close[-2] * np.exp(0.004 * side)
    source = Candles(
        np.arange(N), close.copy(), close * (1 + wick), close * (1 - wick), close, np.ones(N)
    )
    signal: Signal = Squeeze().evaluate(Workspace(source))
    assert signal.value[-1] * side > 0.6
    assert signal.confidence[-1] > 0.4
    wide = Squeeze().evaluate(Workspace(candles(5, N)))
    assert (wide.value == 0).mean() > 0.5


def test_sentiment_and_its_speed() -> None:
    assert last(SentimentScore(), sentiment=ending(0, 0.6)) == (0.6, 0.5)
    many, few = (
        last(SentimentScore(), sentiment=ending(0, 0.6), mentions=ending(0, n))[1]
        for n in (75.0, 1.0)
    )
    assert many == pytest.approx(0.3 + 0.7 * 0.75)
    assert 0 < few < 0.35
    silent = last(SentimentScore(), sentiment=ending(0, 0.6), mentions=ending(0, 0.0))
    assert silent[1] == 0, "nobody wrote anything"
    steady = np.full(N, 0.8)
    assert last(SentimentVelocity(), sentiment=steady)[0] == 0
    fallen = np.where(np.arange(N) < N - 10, 0.8, 0.2)
    assert last(SentimentVelocity(), sentiment=fallen)[0] == pytest.approx(np.tanh(-2.0))


def test_flows() -> None:
    assert last(OnchainFlow(), exchange_netflow=ending(0, 1.0))[0] < -0.9
    assert last(OnchainFlow(), exchange_netflow=ending(0, -1.0))[0] > 0.9
    brought, taken = ending(5, 2.0), ending(5, 6.0)
    value, sure = last(WhaleActivity(), whale_deposits=brought, whale_withdrawals=taken)
    assert value == pytest.approx(0.5)
    assert sure == pytest.approx(0.4 + 0.6 * 0.4, abs=1e-3)
    negative = last(WhaleActivity(), whale_deposits=ending(5, -1.0), whale_withdrawals=taken)
    assert negative[1] == 0, "an amount below 0 is a fault"
    assert last(ExchangePremium(), premium=ending(0, 0.02))[0] > 0.9


def test_funding_is_against_the_crowd_and_new_positions_confirm() -> None:
    crowded, usual = ending(1e-4, 1.1e-3), np.full(N, 1e-4)
    value, sure = last(Derivatives(), funding_rate=crowded)
    assert value == pytest.approx(-np.tanh(2.0))
    assert sure == pytest.approx(0.5 * (0.4 + 0.6 * np.tanh(2.0)))
    assert last(Derivatives(), funding_rate=usual)[0] == 0
    rising = np.full(N, 1e6)
    rising[-1] *= 1.2
    up = last(Derivatives(), jumped(0.02), funding_rate=usual, open_interest=rising)[0]
    down = last(Derivatives(), jumped(-0.02), funding_rate=usual, open_interest=rising)[0]
    closed = last(Derivatives(), jumped(0.02), funding_rate=usual, open_interest=1e12 / rising)[0]
    assert up == pytest.approx(-down, abs=0.02)
    assert up > 0.3
    assert closed == 0


def test_the_tape_and_events() -> None:
    source = jumped(0.0)
    assert last(OrderFlow(), source, delta=np.full(N, 0.3))[0] == pytest.approx(np.tanh(1.8))
    assert last(OrderFlow(), source, delta=np.full(N, -0.3))[0] == pytest.approx(-np.tanh(1.8))
    got = last(Events(), event_impact=ending(0, -0.7), event_confidence=ending(0, 0.9))
    assert got == (-0.7, 0.9)
