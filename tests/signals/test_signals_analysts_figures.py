"""What each analyst says, in figures: its periods, scales and weights, written down once more.

Averages of columns are taken by pandas; series of candles are the workspace's, which have tests of
their own. A changed constant of an analyst fails here, and nowhere else may it be noticed.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from test_signals_analysts import facts

from candle_source import candles
from freqpilot.features.bank.library import FEATURES
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.candlesticks import candle_patterns
from freqpilot.signals.analysts import ANALYSTS, Analyst
from freqpilot.signals.analysts.patterns import REVERSALS

ROWS = 1_000
SOURCE = candles(11, ROWS)
FACTS = facts(SOURCE, 11)
Figures = tuple[np.ndarray, np.ndarray]
EXPECTED: dict[str, Callable[[Workspace, dict[str, pd.Series]], Figures]] = {}


def figures(name: str) -> Callable[..., Callable[..., Figures]]:
    def keep(function: Callable[..., Figures]) -> Callable[..., Figures]:
        EXPECTED[name] = function
        return function

    return keep


def score(x: pd.Series, window: int) -> np.ndarray:
    kept = x.rolling(window)
    return ((x - kept.mean()) / kept.std(ddof=0)).to_numpy()


def directed(work: Workspace) -> np.ndarray:
    return np.clip((work.adx() - 0.15) / 0.25, 0, 1)


def agreed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a + b) / (np.abs(a) + np.abs(b))


@figures("technical_trend")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    atr = work.atr()
    fast = np.tanh((work.ema(8) - work.ema(21)) / atr)
    slow = np.tanh((work.ema(21) - work.ema(50)) / (2 * atr))
    return (fast + slow) / 2, 0.3 + 0.7 * directed(work)


@figures("technical_momentum")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    strength = np.tanh(work.rsi() / 0.35)
    speed = np.tanh(work.log_return(24) / (work.volatility(168) * 24**0.5) / 1.5)
    return (strength + speed) / 2, 0.4 + 0.6 * agreed(strength, speed)


@figures("volume_confirmation")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    moved = work.log_return(6) / (work.volatility(168) * 6**0.5)
    value = (np.tanh(moved) + np.tanh(4 * work.money_flow(20))) / 2
    return value, np.clip(0.6 + 0.2 * work.volume_score(48), 0.2, 1)


@figures("mean_reversion")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    far = score(pd.Series(work.candles.close), 48)
    beyond = np.sign(far) * np.maximum(np.abs(far) - 1.5, 0)
    return -np.tanh(1.5 * beyond), 1 - 0.7 * directed(work)


@figures("pattern_recognition")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    def of(name: str) -> np.ndarray:
        return work.values(FEATURES[name].node)

    found = candle_patterns(work.candles, REVERSALS).values.astype(float).sum(axis=1)
    candle = pd.Series(found).rolling(3).sum().clip(-1, 1).to_numpy()
    kinds = ("inverse_head_and_shoulders_5", "ascending_triangle_5", "double_bottom_5", "bull_flag")
    others = ("head_and_shoulders_5", "descending_triangle_5", "double_top_5", "bear_flag")
    shape = np.max([of(k) for k in kinds], axis=0) - np.max([of(k) for k in others], axis=0)
    rsi = of("rsi_divergence_low_5") - of("rsi_divergence_high_5")
    macd = of("macd_divergence_low_5") - of("macd_divergence_high_5")
    votes = np.array([candle, shape, (np.tanh(rsi / 0.2) + np.tanh(macd)) / 2])
    size = np.abs(votes).sum(axis=0)
    agreement = np.abs(votes.sum(axis=0)) / np.where(size > 0, size, 1)
    return np.tanh(1.5 * votes.sum(axis=0)), 0.5 + 0.5 * agreement * np.abs(votes).max(axis=0)


@figures("volatility_squeeze")
def _(work: Workspace, _: dict[str, pd.Series]) -> Figures:
    width = pd.Series(work.values(FEATURES["squeeze_20"].node)).rolling(12).min().to_numpy()
    place = work.values(FEATURES["bollinger_position_20"].node)
    value = np.where((width < 1) & (np.abs(place) > 1), np.tanh(place), 0)
    return value, 0.4 + 0.6 * np.clip((1 - width) / 0.5, 0, 1)


def heard(mentions: pd.Series) -> np.ndarray:
    sure = 0.3 + 0.7 * mentions / (mentions + 25)
    return sure.where(mentions > 0, 0.0).to_numpy()


@figures("sentiment_score")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    return of["sentiment"].to_numpy(), heard(of["mentions"])


@figures("sentiment_velocity")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    return np.tanh(of["sentiment"].diff(24) / 0.3).to_numpy(), heard(of["mentions"])


@figures("onchain_flow")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    far = score(of["exchange_netflow"], 720)
    return -np.tanh(far / 1.5), 0.5 + 0.5 * np.clip(np.abs(far) / 3, 0, 1)


@figures("whale_activity")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    brought, taken = of["whale_deposits"], of["whale_withdrawals"]
    moved = brought + taken
    share = (moved / moved.rolling(720).mean() / 2).clip(0, 1)
    return ((taken - brought) / moved).to_numpy(), (0.4 + 0.6 * share).to_numpy()


@figures("derivatives")
def _(work: Workspace, of: dict[str, pd.Series]) -> Figures:
    crowd = np.tanh((of["funding_rate"] - 0.0001) / 0.0005)
    moved = work.log_return(24) / (work.volatility(168) * 24**0.5)
    added = np.log(of["open_interest"]).diff(24).clip(lower=0)
    backed = np.tanh(moved) * np.tanh(added / 0.05)
    value = 0.5 * backed - crowd * (1 - 0.5 * backed.abs())
    return value.to_numpy(), (0.4 + 0.6 * crowd.abs()).to_numpy()


@figures("exchange_premium")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    far = score(of["premium"], 168)
    return np.tanh(far / 1.5), 0.4 + 0.6 * np.clip(np.abs(far) / 3, 0, 1)


@figures("order_flow")
def _(work: Workspace, of: dict[str, pd.Series]) -> Figures:
    volume = pd.Series(work.candles.volume)
    near, far = (
        (of["delta"].rolling(n).mean() / volume.rolling(n).mean()).clip(-1, 1).to_numpy()
        for n in (6, 24)
    )
    return np.tanh(6 * near), 0.4 + 0.6 * agreed(near, far)


@figures("events")
def _(_: Workspace, of: dict[str, pd.Series]) -> Figures:
    return of["event_impact"].to_numpy(), of["event_confidence"].to_numpy()


@pytest.mark.parametrize("analyst", [cls() for cls in ANALYSTS], ids=lambda a: a.name)
def test_an_analyst_says_what_is_written_of_it(analyst: Analyst) -> None:
    work = Workspace(SOURCE)
    columns = {name: pd.Series(column) for name, column in FACTS.items()}
    value, confidence = EXPECTED[analyst.name](work, columns)
    said = analyst.evaluate(work, FACTS)
    settled = slice(analyst.startup, None)
    assert np.isfinite(value[settled]).all()
    np.testing.assert_allclose(said.value[settled], value[settled], rtol=0, atol=1e-6)
    np.testing.assert_allclose(said.confidence[settled], confidence[settled], rtol=0, atol=1e-6)
    assert np.ptp(said.value[settled]) > 0.5


def test_without_open_interest_funding_speaks_half_as_sure() -> None:
    analyst = next(cls() for cls in ANALYSTS if cls.name == "derivatives")
    said = analyst.evaluate(Workspace(SOURCE), {"funding_rate": FACTS["funding_rate"]})
    crowd = np.tanh((FACTS["funding_rate"] - 0.0001) / 0.0005)
    np.testing.assert_allclose(said.value, -crowd, atol=1e-9)
    np.testing.assert_allclose(said.confidence, 0.5 * (0.4 + 0.6 * np.abs(crowd)), atol=1e-9)


def test_without_mentions_a_sentiment_is_half_sure() -> None:
    analyst = next(cls() for cls in ANALYSTS if cls.name == "sentiment_score")
    said = analyst.evaluate(Workspace(SOURCE), {"sentiment": FACTS["sentiment"]})
    assert (said.confidence == 0.5).all()
