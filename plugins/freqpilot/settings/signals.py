"""``freqpilot.signals``: analysts, regimes, confluence, scorecards, events, memes, couples."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from freqpilot.settings.base import Fraction, Positive, Section

AnalystName = Literal[
    "technical_trend",
    "technical_momentum",
    "sentiment_score",
    "sentiment_velocity",
    "onchain_flow",
    "whale_activity",
    "pattern_recognition",
    "volume_confirmation",
    "model_forecast",
    "mean_reversion",
    "order_flow",
    "derivatives",
    "events",
    "volatility_squeeze",
    "exchange_premium",
]


WeightClass = Literal["major", "alt", "meme"]


RegimeName = Literal[
    "trending_bullish",
    "trending_bearish",
    "range_bound",
    "high_volatility_breakout",
    "low_volatility_compression",
    "capitulation",
]


EventKind = Literal[
    "listing", "partnership", "regulation_positive", "regulation_negative", "upgrade", "hack"
]


MemeFact = Literal[
    "mentions",
    "listing",
    "influencers",
    "influencer_sales",
    "narrative",
    "token_age_days",
    "holders",
    "market_cap",
    "sentiment",
    "exchange_inflow",
    "contract_verified",
    "liquidity_locked",
    "top10_share",
    "developer_moves",
    "honeypot",
]


FactColumn = Literal[
    "sentiment",
    "mentions",
    "exchange_netflow",
    "whale_deposits",
    "whale_withdrawals",
    "funding_rate",
    "open_interest",
    "premium",
    "event_impact",
    "event_confidence",
    "fear_greed",
]
"""What analysts read of outside facts, and regime models."""


class Adaptation(Section):
    """What a regime changes: analysts' weights and the stop's distance are multiplied, the size is
    cut. ``entries``: all, none, or only those beyond the extremes of the last ``break_candles``.
    """

    weights: dict[AnalystName, Annotated[float, Field(ge=0.5, le=1.5)]] = {}
    size: Annotated[float, Field(gt=0, le=1)] = 1.0
    stop: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    entries: Literal["all", "none", "break"] = "all"


TREND_WEIGHTS: dict[AnalystName, float] = {"technical_momentum": 1.3, "mean_reversion": 0.7}


class RegimeSettings(Section):
    """How the market's regime acts. What a config names in ``adaptation`` stands in place of that
    regime's row. A regime acts from ``min_probability`` on. ``hmm`` asks the models of ``freqpilot
    regimes fit``, and the rules where there is none of at most ``max_model_days``."""

    enabled: bool = True
    method: Literal["rules", "hmm"] = "rules"
    max_model_days: Annotated[int, Field(ge=1, le=730)] = 90
    min_dwell: Annotated[int, Field(ge=1, le=36)] = 6
    min_probability: Fraction = 0.7
    break_candles: Annotated[int, Field(ge=2, le=200)] = 20
    adaptation: dict[RegimeName, Adaptation] = {
        "trending_bullish": Adaptation(weights=TREND_WEIGHTS),
        "trending_bearish": Adaptation(weights=TREND_WEIGHTS),
        "range_bound": Adaptation(weights={"mean_reversion": 1.4, "technical_momentum": 0.6}),
        "high_volatility_breakout": Adaptation(
            weights={"technical_momentum": 1.3}, size=0.7, stop=1.5
        ),
        "low_volatility_compression": Adaptation(size=0.7, entries="break"),
        "capitulation": Adaptation(size=0.5, stop=1.5, entries="none"),
    }

    @field_validator("adaptation", mode="before")
    @classmethod
    def _over_the_table(cls, rows: object) -> object:
        table = cls.model_fields["adaptation"].default
        return {**table, **rows} if isinstance(rows, Mapping) else rows


class ConfluenceSettings(Section):
    """Entries only where the bias of the 4h and 1d candles is of their side and at least
    ``min_bias``; agreement raises the confidence by up to the share ``boost``."""

    enabled: bool = True
    min_bias: Fraction = 0.1
    boost: Annotated[float, Field(ge=0, le=0.25)] = 0.1


class ScorecardSettings(Section):
    """How what an analyst's opinions beyond ``strong`` came to moves its weight: over ``horizon``
    candles, after the costs of a round trip, of at most the last ``opinions``; by at most ``step``
    every ``step_hours``, between ``low`` and ``high`` times the weight. Few opinions count little
    against ``prior`` that would say nothing."""

    enabled: bool = False
    strong: Annotated[float, Field(ge=0.2, lt=1)] = 0.7
    horizon: Annotated[int, Field(ge=1, le=100)] = 12
    opinions: Annotated[int, Field(ge=10, le=200)] = 100
    prior: Annotated[int, Field(ge=0, le=1000)] = 20
    cost: Annotated[float, Field(ge=0, le=0.1)] = 0.002
    step: Annotated[float, Field(ge=0.005, le=0.05)] = 0.05
    step_hours: Annotated[int, Field(ge=1, le=168)] = 24
    low: Annotated[float, Field(ge=0.5, le=1)] = 0.5
    high: Annotated[float, Field(gt=1, le=1.5)] = 1.5


class EventResponse(Section):
    """What a kind of event does: a position of ``size`` of its slot to ``side`` that fades with
    ``half_life_hours``; ``past`` is the side of its past events. It is entered within
    ``late_hours`` of the event only. ``until_event``: it is bought when it is announced and sold
    when it happens. ``critical``: it counts once two sources have it. ``long_factor`` is what longs
    are multiplied by while it lasts, 0 for none."""

    side: Literal["long", "short", "past"]
    half_life_hours: Positive
    late_hours: Positive
    size: Annotated[float, Field(gt=0, le=1)] = 1.0
    until_event: bool = False
    critical: bool = False
    long_factor: Fraction = 1.0


class EventSettings(Section):
    """The table of responses, and what holds for all: reports of one kind whose event times are
    within ``same_hours`` are one event, two sources within ``window_hours`` confirm it, its effect
    ends at the share ``end_share``. An upgrade needs ``min_samples`` past ones whose mean return is
    above ``cost``, a round trip. What a config names in ``responses`` stands in place of that row.
    """

    responses: dict[EventKind, EventResponse] = {
        "listing": EventResponse(side="long", half_life_hours=24, late_hours=6, until_event=True),
        "partnership": EventResponse(side="long", half_life_hours=12, late_hours=6, size=0.5),
        "regulation_positive": EventResponse(
            side="long", half_life_hours=48, late_hours=24, size=0.5, critical=True
        ),
        "regulation_negative": EventResponse(
            side="short",
            half_life_hours=48,
            late_hours=24,
            size=0.5,
            critical=True,
            long_factor=0.5,
        ),
        "upgrade": EventResponse(side="past", half_life_hours=24, late_hours=6, size=0.5),
        "hack": EventResponse(
            side="short",
            half_life_hours=48,
            late_hours=6,
            size=0.5,
            critical=True,
            long_factor=0.0,
        ),
    }
    window_hours: Positive = 24
    same_hours: Positive = 48
    end_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    min_samples: Annotated[int, Field(ge=2)] = 5
    cost: Fraction = 0.002

    @field_validator("responses", mode="before")
    @classmethod
    def _over_the_table(cls, rows: object) -> object:
        table = cls.model_fields["responses"].default
        return {**table, **rows} if isinstance(rows, Mapping) else rows


class MemeSettings(Section):
    """What the strategy for memecoins reads. ``facts`` maps its names to metrics, as
    ``{"mentions": "lunarcrush/posts"}``; each is read by its own name otherwise. Facts older than
    ``max_age_hours`` count as missing; unusual is told from ``history_days`` with ``min_history``
    values. The rest are thresholds of the detection, the checks and of leaving."""

    facts: dict[MemeFact, str] = {}
    max_age_hours: Positive = 24
    history_days: Annotated[float, Field(ge=2, allow_inf_nan=False)] = 30
    min_history: Annotated[int, Field(ge=2)] = 20
    mention_growth: Positive = 5.0
    listing_days: Positive = 7
    young_days: Positive = 30
    market_cap: Positive = 100e6
    max_top10_share: Fraction = 0.5
    max_developer_moves: Annotated[int, Field(ge=0)] = 0
    quiet_hours: Positive = 72
    inflow_zscore: Positive = 3.0


def _couples_apart(couples: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    legs = [leg for couple in couples for leg in couple]
    if twice := sorted({leg for leg in legs if legs.count(leg) > 1}):
        raise ValueError(f"{', '.join(twice)} may be a leg of one couple only: one trade a pair")
    return couples


Couples = Annotated[tuple[tuple[str, str], ...], AfterValidator(_couples_apart)]


class PairsSettings(Section):
    """Which couples ``PairsReversion`` trades: a list as ``[["BTC/USDT:USDT", "ETH/USDT:USDT"]]``,
    or, where it is empty, any two pairs of the universe. They are tested anew each week over the
    last ``window_days``; at most the share ``level`` of those found is to be false (1: no test).
    A deviation's half-life may be ``max_half_life_days``; a couple is left after ``holds`` of
    them."""

    couples: Couples = ()
    window_days: Annotated[int, Field(ge=2, le=365)] = 60
    level: Fraction = 0.05
    max_half_life_days: Positive = 10
    holds: Positive = 3


class SignalSettings(Section):
    """How opinions become a decision.

    ``weights`` are relative; what a config names is merged over the table, 0 switches an analyst
    off. ``class_weights`` are merged over that for the pairs of a class: major (BTC, ETH, the
    other top 20), alt, meme. The specification has no weight for the last two of the table.
    ``facts`` names the metric that Autopilot's analysts of outside facts read a column from, as
    ``{"sentiment": "text/sentiment"}``.
    """

    weights: dict[AnalystName, Fraction] = {
        "technical_trend": 0.20,
        "technical_momentum": 0.15,
        "sentiment_score": 0.15,
        "sentiment_velocity": 0.10,
        "onchain_flow": 0.15,
        "whale_activity": 0.10,
        "pattern_recognition": 0.10,
        "volume_confirmation": 0.05,
        "model_forecast": 0.20,
        "mean_reversion": 0.10,
        "order_flow": 0.05,
        "derivatives": 0.05,
        "events": 0.05,
        "volatility_squeeze": 0.0,
        "exchange_premium": 0.0,
    }
    class_weights: dict[WeightClass, dict[AnalystName, Fraction]] = {}
    threshold: Fraction = 0.5
    min_confidence: Fraction = 0.6
    min_coverage: Fraction = 0.35
    neutral: Fraction = 0.2
    regimes: RegimeSettings = RegimeSettings()
    confluence: ConfluenceSettings = ConfluenceSettings()
    scorecards: ScorecardSettings = ScorecardSettings()
    events: EventSettings = EventSettings()
    memes: MemeSettings = MemeSettings()
    pairs: PairsSettings = PairsSettings()
    facts: dict[FactColumn, str] = {}

    def table(self, kind: WeightClass) -> dict[AnalystName, float]:
        """Return the weights for a pair of this class."""
        return {**self.weights, **self.class_weights.get(kind, {})}

    @field_validator("weights", mode="before")
    @classmethod
    def _over_the_table(cls, weights: object) -> object:
        table = cls.model_fields["weights"].default
        return {**table, **weights} if isinstance(weights, Mapping) else weights

    @model_validator(mode="after")
    def _someone_speaks(self) -> Self:
        for kind in get_args(WeightClass):
            if not any(self.table(kind).values()):
                raise ValueError(f"every analyst of class {kind} has weight 0: none could decide")
        return self
