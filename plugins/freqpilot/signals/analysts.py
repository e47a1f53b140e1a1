"""Analysts: each looks at one thing and says −1…1, how sure it is, and why, for every candle."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from freqpilot.features.workspace import EMA_ALPHA, WILDER, Workspace, ratio, settle_of
from freqpilot.shapes import Bools, Candles, Floats, Signal

BEARISH, NEUTRAL, BULLISH, MISSING = range(4)


class Analyst(ABC):
    """Base of the analysts that read candles. ``startup`` is how many candles it needs."""

    name: ClassVar[str]
    startup: ClassVar[int]
    words: ClassVar[tuple[str, str, str]]
    """What it says when bearish, neutral and bullish."""

    @abstractmethod
    def opinion(self, work: Workspace) -> tuple[Floats, Floats]:
        """Return value −1…1 and confidence 0…1 of each candle; NaN where an input is missing."""

    def evaluate(self, work: Workspace) -> Signal:
        """Return the opinion on every candle; confidence 0 where an input is missing.

        Nor has a candle without a trade anything to say: its price is the last one carried on, and
        averages over a pair that stopped trading keep their trend for days.
        """
        value, confidence = self.opinion(work)
        traded = work.candles.volume > 0
        return _signal(self.name, value, np.where(traded, confidence, 0.0), self.words)


class TechnicalTrend(Analyst):
    """Order and distance of three moving averages; surer the more directional the market is."""

    name = "technical_trend"
    startup = max(settle_of(EMA_ALPHA[50]), 2 * settle_of(WILDER) + 1)
    words = ("averages fall in order", "averages are tangled", "averages rise in order")

    def opinion(self, work: Workspace) -> tuple[Floats, Floats]:
        fast = np.tanh(ratio(work.ema(8) - work.ema(21), work.atr()))
        slow = np.tanh(ratio(work.ema(21) - work.ema(50), 2.0 * work.atr()))
        # ADX .15 is no trend, .40 a strong one (Wilder's scale is 15 and 40).
        sureness = 0.3 + 0.7 * np.clip((work.adx() - 0.15) / 0.25, 0.0, 1.0)
        return 0.5 * fast + 0.5 * slow, sureness


class TechnicalMomentum(Analyst):
    """Relative strength and the last day's return in its own volatility; surer when they agree."""

    name = "technical_momentum"
    startup = max(settle_of(WILDER) + 1, 169)
    words = ("price loses strength", "no clear momentum", "price gains strength")

    def opinion(self, work: Workspace) -> tuple[Floats, Floats]:
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

    def opinion(self, work: Workspace) -> tuple[Floats, Floats]:
        moved = ratio(work.log_return(6), work.volatility(168) * np.sqrt(6.0))
        flow = np.tanh(4.0 * work.money_flow(20))
        value = 0.5 * np.tanh(moved) + 0.5 * flow
        return value, np.clip(0.6 + 0.2 * work.volume_score(48), 0.2, 1.0)


class ModelForecast:
    """The model's probability of a rise against that of a fall."""

    name: ClassVar[str] = "model_forecast"
    words: ClassVar[tuple[str, str, str]] = (
        "the model expects a fall",
        "the model is undecided",
        "the model expects a rise",
    )
    scale: ClassVar[float] = 0.25
    """Difference of probabilities that counts as a full opinion."""

    def evaluate(self, up: Floats, down: Floats, valid: Bools) -> Signal:
        """Return the opinion on every candle.

        Confidence is .5 for equal probabilities and rises to 1 at ``scale``; it is 0 where the
        model gave none (``valid`` false, NaN, or both probabilities 0).

        :param up: probability that the profit barrier is met first; ``down`` the loss barrier.
        """
        given = valid & np.isfinite(up) & np.isfinite(down) & (up + down > 0)
        edge = np.where(given, up - down, np.nan)
        value = np.clip(edge / self.scale, -1.0, 1.0)
        return _signal(self.name, value, 0.5 + 0.5 * np.abs(value), self.words)


TECHNICAL: tuple[type[Analyst], ...] = (TechnicalTrend, TechnicalMomentum, VolumeConfirmation)
STARTUP = max(analyst.startup for analyst in TECHNICAL)


def technical(candles: Candles) -> list[Signal]:
    """Return the opinions of all analysts that read candles."""
    work = Workspace(candles)
    return [analyst().evaluate(work) for analyst in TECHNICAL]


def _signal(name: str, value: Floats, confidence: Floats, words: tuple[str, str, str]) -> Signal:
    given = np.isfinite(value) & np.isfinite(confidence)
    value = np.where(given, np.clip(value, -1.0, 1.0), 0.0)
    confidence = np.where(given, np.clip(confidence, 0.0, 1.0), 0.0)
    state = np.where(value > 0.2, BULLISH, np.where(value < -0.2, BEARISH, NEUTRAL))
    reasons = (*words, "an input is missing")
    return Signal(name, value, confidence, reasons, np.where(given, state, MISSING))
