"""Analysts of facts from outside the candles. Each reads named columns that someone has joined,
as they were known at each candle's close, and is silent where they are missing.

Scales are judgements, named beside each; none was fitted.
"""

import numpy as np

from freqpilot.features.bank.rolling import mean, zscore
from freqpilot.features.bank.workspace import Workspace, ratio
from freqpilot.features.engine.graph import CLOSE
from freqpilot.shapes import Candles, Floats
from freqpilot.signals.analysts.base import Analyst, Columns

MONTH, WEEK, DAY = 720, 168, 24
"""Candles that a column's usual size is measured over; hours, on 1h candles."""
ENOUGH_MENTIONS = 25.0
"""Mentions at which a sentiment is half as sure as it can become."""
USUAL_FUNDING, CROWDED_FUNDING = 0.0001, 0.0005
"""Binance's resting rate for 8 hours, and how far beyond it the crowd leans to one side."""


class SentimentScore(Analyst):
    """Mean sentiment of what is written; surer the more is.

    ``sentiment`` is −1…1; ``mentions`` their number, without which it is half sure.
    """

    name = "sentiment_score"
    startup = 1
    words = ("the mood is bad", "the mood is neutral", "the mood is good")
    inputs = ("sentiment",)
    optional = ("mentions",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        return columns["sentiment"], _mention_confidence(columns)


class SentimentVelocity(Analyst):
    """Change of the sentiment over a day of hours; .3 is a large one."""

    name = "sentiment_velocity"
    startup = DAY + 1
    words = ("the mood worsens", "the mood is steady", "the mood improves")
    inputs = ("sentiment",)
    optional = ("mentions",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        return np.tanh(_change(columns["sentiment"], DAY) / 0.3), _mention_confidence(columns)


class OnchainFlow(Analyst):
    """Coins that flow to exchanges are to be sold, those that leave are kept.

    ``exchange_netflow`` is what came in less what went out, in any unit, against its last month.
    """

    name = "onchain_flow"
    startup = MONTH
    words = ("coins flow to exchanges", "flows are as usual", "coins leave exchanges")
    inputs = ("exchange_netflow",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        score = _standing(columns["exchange_netflow"], MONTH)
        return -np.tanh(score / 1.5), 0.5 + 0.5 * np.clip(np.abs(score) / 3.0, 0.0, 1.0)


class WhaleActivity(Analyst):
    """What large wallets take off exchanges against what they bring; surer when they move more
    than in their last month. ``whale_deposits`` and ``whale_withdrawals`` are of one unit."""

    name = "whale_activity"
    startup = MONTH
    words = ("whales deposit", "whales rest", "whales withdraw")
    inputs = ("whale_deposits", "whale_withdrawals")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        brought, taken = columns["whale_deposits"], columns["whale_withdrawals"]
        moved = np.where((brought >= 0) & (taken >= 0), brought + taken, np.nan)
        share = ratio(moved, _average(moved, MONTH))
        return ratio(taken - brought, moved), 0.4 + 0.6 * np.clip(share / 2.0, 0.0, 1.0)


class Derivatives(Analyst):
    """Against the side that pays funding to hold on, with the side that adds open interest.

    ``funding_rate`` is of 8 hours, as a fraction; ``open_interest`` in any unit. Without it only
    the funding speaks, half as sure.
    """

    name = "derivatives"
    startup = WEEK + 1
    words = ("longs are crowded", "leverage is balanced", "shorts are crowded")
    inputs = ("funding_rate",)
    optional = ("open_interest",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        crowd = np.tanh((columns["funding_rate"] - USUAL_FUNDING) / CROWDED_FUNDING)
        sure = 0.4 + 0.6 * np.abs(crowd)
        if "open_interest" not in columns:
            return -crowd, 0.5 * sure
        held = columns["open_interest"]
        added = _change(np.log(np.where(held > 0, held, np.nan)), DAY)
        moved = ratio(work.log_return(DAY), work.volatility(WEEK) * np.sqrt(float(DAY)))
        # New positions confirm the move; closed ones say that it runs out of holders, not more.
        backed = np.tanh(moved) * np.tanh(np.maximum(added, 0.0) / 0.05)
        return 0.5 * backed - crowd * (1.0 - 0.5 * np.abs(backed)), sure


class ExchangePremium(Analyst):
    """Price of a leading venue over this one's: who pays more pulls the price.

    ``premium`` is a fraction of the price, against its last week.
    """

    name = "exchange_premium"
    startup = WEEK
    words = ("other venues pay less", "venues agree", "other venues pay more")
    inputs = ("premium",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        score = _standing(columns["premium"], WEEK)
        return np.tanh(score / 1.5), 0.4 + 0.6 * np.clip(np.abs(score) / 3.0, 0.0, 1.0)


class OrderFlow(Analyst):
    """Volume that was bought at the ask less that sold at the bid, as a share of all of it.

    ``delta`` is that difference in base currency, as Freqtrade's order flow gives it.
    """

    name = "order_flow"
    startup = DAY
    words = ("sellers take the bids", "the tape is balanced", "buyers lift the asks")
    inputs = ("delta",)

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        near, far = (
            np.clip(
                ratio(_average(columns["delta"], n), _average(work.candles.volume, n)), -1.0, 1.0
            )
            for n in (6, DAY)
        )
        agreement = ratio(np.abs(near + far), np.abs(near) + np.abs(far))
        return np.tanh(6.0 * near), 0.4 + 0.6 * agreement


class Events(Analyst):
    """News of listings, hacks, rules and upgrades as someone has judged them.

    ``event_impact`` is −1…1 and ``event_confidence`` 0…1; NaN or 0 where nothing is on.
    """

    name = "events"
    startup = 1
    words = ("an event weighs on the price", "an event without direction", "an event lifts it")
    inputs = ("event_impact", "event_confidence")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        return columns["event_impact"], columns["event_confidence"]


OUTSIDE: tuple[type[Analyst], ...] = (
    SentimentScore,
    SentimentVelocity,
    OnchainFlow,
    WhaleActivity,
    Derivatives,
    ExchangePremium,
    OrderFlow,
    Events,
)


def _mention_confidence(columns: Columns) -> Floats:
    """Return how sure a sentiment is, by the number of mentions; .5 where that is not known."""
    if "mentions" not in columns:
        return np.full(len(columns["sentiment"]), 0.5)
    mentions = columns["mentions"]
    heard = 0.3 + 0.7 * mentions / (np.abs(mentions) + ENOUGH_MENTIONS)
    return np.where(mentions > 0, heard, np.where(mentions == 0, 0.0, np.nan))


def _change(x: Floats, lag: int) -> Floats:
    out = np.full(len(x), np.nan)
    out[lag:] = x[lag:] - x[:-lag]
    return out


def _standing(x: Floats, window: int) -> Floats:
    """Distance of the newest from the mean of the last values, in their standard deviations."""
    return _as_close(x).values(zscore(CLOSE, window))


def _average(x: Floats, window: int) -> Floats:
    return _as_close(x).values(mean(CLOSE, window))


def _as_close(x: Floats) -> Workspace:
    """Return a workspace in which ``x`` stands where the close would: the engine's windows take
    any series, and begin anew behind a missing value."""
    column = np.where(np.isfinite(x), x, np.nan)
    return Workspace(Candles(np.arange(len(x)), column, column, column, column, column))
