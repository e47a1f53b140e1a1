"""Analysts of price and volume: trend, momentum, volume, mean reversion."""

import numpy as np

from freqpilot.features.bank.rolling import zscore
from freqpilot.features.bank.workspace import EMA_ALPHA, WILDER, Workspace, ratio, settle_of
from freqpilot.features.engine.graph import CLOSE
from freqpilot.shapes import Floats
from freqpilot.signals.analysts.base import Analyst, Columns

ADX_STARTUP = 2 * settle_of(WILDER) + 1


def directedness(work: Workspace) -> Floats:
    """Return 0 where the market has no direction … 1 where it has a strong one.

    ADX .15 is no trend, .40 a strong one (Wilder's scale is 15 and 40).
    """
    return np.clip((work.adx() - 0.15) / 0.25, 0.0, 1.0)


class TechnicalTrend(Analyst):
    """Order and distance of three moving averages; surer the more directional the market is."""

    name = "technical_trend"
    startup = max(settle_of(EMA_ALPHA[50]), ADX_STARTUP)
    words = ("averages fall in order", "averages are tangled", "averages rise in order")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        fast = np.tanh(ratio(work.ema(8) - work.ema(21), work.atr()))
        slow = np.tanh(ratio(work.ema(21) - work.ema(50), 2.0 * work.atr()))
        return 0.5 * fast + 0.5 * slow, 0.3 + 0.7 * directedness(work)


class TechnicalMomentum(Analyst):
    """Relative strength and the last day's return in its own volatility; surer when they agree."""

    name = "technical_momentum"
    startup = max(settle_of(WILDER) + 1, 169)
    words = ("price loses strength", "no clear momentum", "price gains strength")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        strength = np.tanh(work.rsi() / 0.35)
        moved = ratio(work.log_return(24), work.volatility(168) * np.sqrt(24.0))
        speed = np.tanh(moved / 1.5)
        agreement = ratio(np.abs(strength + speed), np.abs(strength) + np.abs(speed))
        return 0.5 * strength + 0.5 * speed, 0.4 + 0.6 * agreement


class VolumeConfirmation(Analyst):
    """Whether volume flows the way price went; surer when there is more of it than usual."""

    name = "volume_confirmation"
    startup = 169
    words = ("volume confirms the fall", "volume confirms nothing", "volume confirms the rise")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        moved = ratio(work.log_return(6), work.volatility(168) * np.sqrt(6.0))
        flow = np.tanh(4.0 * work.money_flow(20))
        value = 0.5 * np.tanh(moved) + 0.5 * flow
        return value, np.clip(0.6 + 0.2 * work.volume_score(48), 0.2, 1.0)


class MeanReversion(Analyst):
    """Against a close that is stretched from its mean of two days of hours; surer the less
    directional the market is. Within 1.5 standard deviations nothing is stretched."""

    name = "mean_reversion"
    startup = ADX_STARTUP
    words = ("price is stretched upwards", "price is near its mean", "price is stretched downwards")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        score = work.values(zscore(CLOSE, 48))
        stretch = np.sign(score) * np.maximum(np.abs(score) - 1.5, 0.0)
        return -np.tanh(1.5 * stretch), 1.0 - 0.7 * directedness(work)
