"""The ``freqpilot`` section of Freqtrade's config: one pydantic tree, closed to unknown keys.

Every default is the number of the specification. ``Settings.from_config`` is the only way in; it
turns what pydantic reports into sentences that name the nearest known key.
"""

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from freqpilot.errors import RefuseToStart

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
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
SizingMethod = Literal["volatility", "blueprint", "kelly", "fixed"]
AssetClass = Literal["btc", "eth", "top20", "small", "meme"]
BOOK_TIMEFRAMES = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
Sector = Literal["defi", "l1", "l2", "ai", "meme", "other"]


class Section(BaseModel):
    """A closed, immutable part of the tree."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


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


class LabelSettings(Section):
    """The triple barrier: profit and loss barriers in multiples of the volatility over
    ``horizon`` candles, and purge and embargo in candles (purge ≥ horizon)."""

    horizon: Annotated[int, Field(ge=2)] = 12
    profit_multiple: Positive = 1.0
    loss_multiple: Positive = 1.0
    volatility_window: Annotated[int, Field(ge=10)] = 96
    purge: Annotated[int, Field(ge=1)] = 12
    embargo: Annotated[int, Field(ge=0)] = 12
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.2

    @model_validator(mode="after")
    def _purge_covers_horizon(self) -> Self:
        if self.purge < self.horizon:
            raise ValueError(
                f"purge is {self.purge} candles, below the label horizon of {self.horizon}: "
                "training labels would overlap the validation part"
            )
        return self


class EdgeSettings(Section):
    """The edge monitor: what a model's forecasts came to lowers its confidence, to 0 once a bet
    against a rank IC of ``min_ic`` has multiplied its stake by ``evidence``; it speaks again once
    one on an IC above 0 has. A block, judged when it is over, is ``block`` label horizons long; a
    forecast counts beside those of the last ``memory`` horizons."""

    enabled: bool = True
    min_ic: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    evidence: Annotated[float, Field(ge=10, le=10_000)] = 200
    block: Annotated[int, Field(ge=2, le=20)] = 4
    memory: Annotated[int, Field(ge=20, le=500)] = 60


class ModelSettings(Section):
    """What holds for every model."""

    edge: EdgeSettings = EdgeSettings()


class Tier(Section):
    """Limits from an equity upwards: risk per trade, largest position, open trades, leverage,
    and all memecoins together."""

    name: str
    equity_from: Annotated[float, Field(ge=0)]
    risk_per_trade: Fraction
    max_position: Fraction
    max_open_trades: Annotated[int, Field(ge=1)]
    max_leverage: Annotated[float, Field(ge=1)] = 1.0
    meme_cap: Fraction = 0.10


class StreakPhase(Section):
    """What a losing streak of so many trades does to the next entries."""

    losses: Annotated[int, Field(ge=1)]
    factor: Fraction
    threshold: Fraction


class SizingSettings(Section):
    """How the uncapped stake is found. ``kelly_share`` is the part of the Kelly fraction that is
    used, ``fixed_share`` a share of equity; ``blueprint`` and ``kelly`` need ``min_trades`` closed
    trades, until then the volatility target stands in; ``trial_share`` of it after a person gave a
    record without edge another trial."""

    method: SizingMethod = "volatility"
    kelly_share: Annotated[float, Field(gt=0, le=0.5)] = 0.25
    fixed_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    min_trades: Annotated[int, Field(ge=1, le=100)] = 20
    trial_share: Annotated[float, Field(gt=0, le=1)] = 0.25


class ClassCaps(Section):
    """Most of the equity in each class of assets; ``top20`` is without BTC and ETH."""

    btc: Fraction = 0.40
    eth: Fraction = 0.30
    top20: Fraction = 0.40
    small: Fraction = 0.20
    meme: Fraction = 0.10


class SectorCaps(Section):
    """Most of the equity in each sector; ``other`` is what no sector's cap is meant for."""

    defi: Fraction = 0.25
    l1: Fraction = 0.30
    l2: Fraction = 0.20
    ai: Fraction = 0.15
    meme: Fraction = 0.10
    other: Fraction = 1.0


class Asset(Section):
    """The class and sector of a coin."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    kind: AssetClass = Field(alias="class")
    sector: Sector = "other"


class MarketSettings(Section):
    """What the market must be like for an entry, live: shares of the price unless said otherwise.

    ``max_depth_share``: of the book's value within ``depth_band`` of its middle, for a position;
    ``max_jump``: from one candle to the next or to now; ``max_volatility``: ATR, scaled to a day;
    ``index``: the coin whose fall by ``index_fall`` within an hour stops all entries;
    ``volatility_spike``: how many times its median of ``volatility_days`` the index's volatility of
    a day may be; ``stablecoins``: pairs worth 1, of which the first that the exchange lists is
    watched.
    """

    enabled: bool = True
    max_spread: Fraction = 0.005
    depth_band: Annotated[float, Field(gt=0, lt=1)] = 0.01
    max_depth_share: Fraction = 0.10
    candle_grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 120
    max_jump: Positive = 0.50
    max_rate_distance: Fraction = 0.05
    max_volatility: Positive = 0.40
    max_orders: Annotated[int, Field(ge=1)] = 30
    order_window_minutes: Positive = 10
    index: str = "BTC"
    index_fall: Annotated[float, Field(gt=0, lt=1)] = 0.07
    index_pause_hours: Positive = 24
    volatility_spike: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 3.0
    volatility_days: Annotated[int, Field(ge=3, le=60)] = 30
    stablecoins: tuple[str, ...] = ("USDC/USDT", "FDUSD/USDT", "USDT/USD", "USDC/USD")
    max_depeg: Fraction = 0.02
    cache_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60


class ClassShocks(Section):
    """A share of the price for each class of assets."""

    btc: Fraction
    eth: Fraction
    top20: Fraction
    small: Fraction
    meme: Fraction


class BookSettings(Section):
    """What the open positions may be together, with the one that is asked for.

    Correlations and losses are those of the last ``lookback_days`` of ``timeframe`` candles.
    ``max_correlated`` assets may be open whose correlations are all above ``max_correlation``, and
    ``cluster_cap`` of equity be in what is linked. ``var_limit`` caps the mean loss of the worst
    1 % of days (CVaR 99 %), historical and simulated with ``freedom`` degrees of freedom;
    ``max_stress_loss`` the loss in each scenario, by default what ``total_loss`` leaves, both as
    shares of equity. The scenarios: falls of the price by class on a ``crash_day`` and in a
    ``flash_crash``, ``slippage`` without liquidity, ``depeg`` of the stake currency,
    ``correlation_sigmas`` daily deviations at a correlation of 1, and an outage of
    ``outage_hours`` that leaves prices ``outage_sigmas`` deviations of that time beyond the stops.
    """

    enabled: bool = True
    lookback_days: Annotated[int, Field(ge=7, le=365)] = 30
    timeframe: str = "1h"
    max_correlation: Annotated[float, Field(gt=0, lt=1)] = 0.8
    max_correlated: Annotated[int, Field(ge=1)] = 3
    cluster_cap: Fraction = 0.30
    var_limit: Fraction = 0.12
    freedom: Annotated[float, Field(gt=2, le=100)] = 4
    simulations: Annotated[int, Field(ge=1_000, le=200_000, multiple_of=2)] = 10_000
    max_stress_loss: Fraction | None = None
    crash_day: ClassShocks = ClassShocks(btc=0.20, eth=0.25, top20=0.30, small=0.35, meme=0.40)
    flash_crash: ClassShocks = ClassShocks(btc=0.25, eth=0.30, top20=0.40, small=0.45, meme=0.50)
    slippage: ClassShocks = ClassShocks(btc=0.03, eth=0.05, top20=0.10, small=0.20, meme=0.40)
    depeg: Fraction = 0.12
    correlation_sigmas: Positive = 4
    outage_hours: Positive = 6
    outage_sigmas: Positive = 3

    @field_validator("timeframe")
    @classmethod
    def _divides_a_day(cls, timeframe: str) -> str:
        if timeframe not in BOOK_TIMEFRAMES:
            raise ValueError(f"{timeframe!r} is none of {', '.join(BOOK_TIMEFRAMES)}")
        return timeframe


StopMethod = Literal["atr", "percentage", "structure", "chandelier", "trailing", "time"]


class Target(Section):
    """Sell ``share`` of what was bought once the price has gained ``gain``."""

    gain: Positive
    share: Annotated[float, Field(gt=0, le=1)]


def _tiers_in_order(tiers: tuple[Target, ...]) -> tuple[Target, ...]:
    gains = [tier.gain for tier in tiers]
    if not gains or gains != sorted(set(gains)):
        raise ValueError("tiers must rise in gain from one to the next")
    if sum(tier.share for tier in tiers) > 1 + 1e-9:
        raise ValueError("the tiers' shares sum to more than 1")
    return tiers


Tiers = Annotated[tuple[Target, ...], AfterValidator(_tiers_in_order)]


class RegimeExit(Section):
    """What a regime does to exits: targets' gains are multiplied, a trailing stop is added."""

    target_factor: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    trailing: bool = False


class MemeExits(Section):
    """The exits of memecoins, in place of all others: ``tiers`` are sold, the rest is held,
    ``flat_hours`` with less than ``flat_move`` either way end it, and so does ``hard_stop``, as far
    as the strategy's ``stoploss`` reaches. ``enabled`` null: where ``targets`` is on."""

    enabled: bool | None = None
    tiers: Tiers = (
        Target(gain=1.0, share=0.25),
        Target(gain=4.0, share=0.25),
        Target(gain=9.0, share=0.25),
    )
    flat_hours: Positive | None = 60
    flat_move: Positive = 0.10
    hard_stop: Annotated[float, Field(gt=0, lt=1)] = 0.30


class ExitSettings(Section):
    """How a trade ends. All shares are price moves, whatever the leverage.

    ``stops`` are the methods in use; the nearest stop wins. ``targets`` switches the partial exits
    of ``tiers`` on, with what ``regimes`` do to them and to the stop; after the first the rest
    trails by ``trailing``, unless ``trail_rest`` is off. An hour of null switches its rule off.
    What a config names in ``regimes`` stands in place of that regime's row.
    """

    stops: tuple[StopMethod, ...] = ("atr",)
    percentage: Annotated[float, Field(gt=0, lt=1)] = 0.04
    trailing: Annotated[float, Field(gt=0, lt=1)] = 0.05
    chandelier_candles: Annotated[int, Field(ge=1, le=500)] = 22
    chandelier_atr_multiple: Positive = 3.0
    structure_atr_buffer: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    unprofitable_hours: Positive | None = 6
    flat_hours: Positive | None = 24
    flat_move: Positive = 0.01
    targets: bool = False
    tiers: Tiers = (
        Target(gain=0.05, share=0.3),
        Target(gain=0.10, share=0.3),
        Target(gain=0.20, share=0.3),
    )
    trail_rest: bool = True
    regimes: dict[RegimeName, RegimeExit] = {
        "trending_bullish": RegimeExit(target_factor=1.5, trailing=True),
        "trending_bearish": RegimeExit(target_factor=1.5, trailing=True),
        "range_bound": RegimeExit(target_factor=0.67),
    }
    meme: MemeExits = MemeExits()

    @field_validator("stops")
    @classmethod
    def _each_once(cls, stops: tuple[StopMethod, ...]) -> tuple[StopMethod, ...]:
        if len(set(stops)) != len(stops):
            raise ValueError("a stop method is named twice")
        return stops

    @field_validator("regimes", mode="before")
    @classmethod
    def _over_the_table(cls, rows: object) -> object:
        table = cls.model_fields["regimes"].default
        return {**table, **rows} if isinstance(rows, Mapping) else rows


class VolatilityStep(Section):
    """What a ratio of volatilities ``above`` does to an entry's size and its stop's distance."""

    above: Positive
    size: Annotated[float, Field(gt=0, le=1)]
    stop: Positive


class VolatilitySettings(Section):
    """The last day's volatility over the week's: above a step, or below ``calm``, it scales sizes
    and ATR stops. ``extreme`` is a day's volatility itself (share of the price), from which on the
    size is cut as well; ``trend_adx`` (0…1) is what a trend needs for the rise in a calm market."""

    enabled: bool = True
    steps: tuple[VolatilityStep, ...] = (
        VolatilityStep(above=1.3, size=0.5, stop=1.5),
        VolatilityStep(above=2.0, size=0.25, stop=2.0),
    )
    calm: Annotated[float, Field(ge=0, lt=1)] = 0.5
    calm_stop: Positive = 0.75
    calm_trend_size: Annotated[float, Field(ge=1, le=2)] = 1.15
    trend_adx: Fraction = 0.25
    extreme: Positive = 0.10
    extreme_size: Annotated[float, Field(gt=0, le=1)] = 0.6

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[VolatilityStep, ...]) -> tuple[VolatilityStep, ...]:
        bars = [step.above for step in steps]
        if bars != sorted(set(bars)) or any(bar < 1 for bar in bars):
            raise ValueError("steps must rise in above from one to the next, from 1 on")
        return steps


class FlowSettings(Section):
    """Deposits and withdrawals, live: an unexplained change of the account counts as one from
    ``threshold`` (share of equity) and ``least`` (stake currency) on, and when it has stayed for
    ``seconds``. A declaration that nothing was seen of lapses after ``days``."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.01
    least: Positive = 10.0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60
    days: Positive = 7


class RiskSettings(Section):
    """Sizes and limits, as fractions of equity unless said otherwise."""

    tiers: tuple[Tier, ...] = (
        Tier(
            name="Foundation",
            equity_from=0,
            meme_cap=0.05,
            risk_per_trade=0.02,
            max_position=0.15,
            max_open_trades=3,
        ),
        Tier(
            name="Growth",
            equity_from=2_000,
            meme_cap=0.08,
            risk_per_trade=0.015,
            max_position=0.12,
            max_open_trades=4,
            max_leverage=2,
        ),
        Tier(
            name="Acceleration",
            equity_from=5_000,
            meme_cap=0.10,
            risk_per_trade=0.0125,
            max_position=0.10,
            max_open_trades=5,
            max_leverage=3,
        ),
        Tier(
            name="Sustained",
            equity_from=10_000,
            meme_cap=0.10,
            risk_per_trade=0.01,
            max_position=0.08,
            max_open_trades=6,
            max_leverage=3,
        ),
    )
    advance_win_rate: Fraction = 0.50
    advance_profit_factor: Positive = 1.5
    advance_drawdown: Fraction = 0.25
    advance_trades: Annotated[int, Field(ge=50)] = 100
    demote_below: Fraction = 0.80
    sizing: SizingSettings = SizingSettings()
    class_caps: ClassCaps = ClassCaps()
    sector_caps: SectorCaps = SectorCaps()
    meme_position: Fraction = 0.02
    taxonomy: dict[str, Asset] = {}
    stop_atr_multiple: Positive = 2.0
    atr_period: Annotated[int, Field(ge=2)] = 14
    hard_stop: Annotated[float, Field(gt=0, lt=1)] = 0.10
    exits: ExitSettings = ExitSettings()
    max_exposure: Fraction = 0.50
    max_exchange_exposure: Fraction = 0.50
    daily_loss: Fraction = 0.05
    weekly_loss: Fraction = 0.10
    total_loss: Fraction = 0.20
    drawdown_cut: Fraction = 0.10
    drawdown_cut_factor: Fraction = 0.70
    drawdown_half: Fraction = 0.15
    drawdown_half_factor: Fraction = 0.50
    drawdown_halt: Fraction = 0.20
    drawdown_alert: Fraction = 0.05
    drawdown_wait_hours: Positive = 24
    capital_floor: Fraction = 0.85
    restore_steps: tuple[Fraction, ...] = (0.25, 0.50, 0.75)
    restore_days: Positive = 7
    streak_phases: tuple[StreakPhase, ...] = (
        StreakPhase(losses=5, factor=0.50, threshold=0.65),
        StreakPhase(losses=8, factor=0.25, threshold=0.80),
    )
    streak_losses: Annotated[int, Field(ge=1, le=10)] = 8
    streak_halt: Annotated[int, Field(ge=1)] = 10
    burst_loss: Fraction = 0.10
    burst_hours: Positive = 48
    low_win_rate: Fraction = 0.45
    low_win_rate_factor: Fraction = 0.75
    high_win_rate: Fraction = 0.65
    high_win_rate_factor: Annotated[float, Field(ge=1, le=2)] = 1.20
    deep_profit: Positive = 0.10
    simulated_operator_hours: Positive = 72
    """Backtests have no person: so long after it was set a halt is released there, and so long
    after the trade that began it a losing streak's second phase (or a later one) is reviewed. The
    report counts both by cause."""
    max_stamp_age_seconds: Positive = 120
    api_errors: Annotated[int, Field(ge=1)] = 6
    api_error_share: Fraction = 0.30
    api_window_minutes: Positive = 5
    market: MarketSettings = MarketSettings()
    flows: FlowSettings = FlowSettings()
    volatility: VolatilitySettings = VolatilitySettings()
    book: BookSettings = BookSettings()

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        floors = [tier.equity_from for tier in tiers]
        if not floors or floors[0] != 0 or floors != sorted(set(floors)):
            raise ValueError("tiers must begin at equity_from 0 and rise from one to the next")
        if len({tier.name for tier in tiers}) < len(tiers):
            raise ValueError("each of the tiers needs a name of its own")
        return tiers

    @model_validator(mode="after")
    def _ordered_drawdowns(self) -> Self:
        if not self.drawdown_cut < self.drawdown_half < self.drawdown_halt:
            raise ValueError("drawdown_cut < drawdown_half < drawdown_halt must hold")
        losses = [phase.losses for phase in self.streak_phases]
        if not losses or losses != sorted(set(losses)):
            raise ValueError("streak_phases must rise in losses from one to the next")
        if not self.restore_steps or list(self.restore_steps) != sorted(set(self.restore_steps)):
            raise ValueError("restore_steps must rise from one to the next")
        return self


SleeveStrategy = Literal[
    "TrendFollowing", "MeanReversion", "Breakout", "MomentumRotation", "Rebalancer"
]
SLEEVE_PARAMETERS: dict[str, dict[str, float | str]] = {
    "TrendFollowing": {"target_volatility": 0.5, "rebalance_band": 0.1},
    "MeanReversion": {"far": 2.5, "strength": 0.4, "direction": 0.3, "near": 0.0},
    "Breakout": {"squeeze": 0.15, "margin": 0.1, "volume": 1.0},
    "MomentumRotation": {"top": 4, "target_volatility": 0.5},
    "Rebalancer": {"weights": "volatility", "target_volatility": 0.5},
}
SLEEVE_TIMEFRAMES = {"2h": 2, "4h": 4, "6h": 6, "8h": 8, "12h": 12, "1d": 24}


class Sleeve(Section):
    """A rule strategy inside ``Ensemble``: ``budget`` is its share of the account, ``parameters``
    are the strategy's own. ``timeframe``, of a strategy with entries and stops, is made of the
    bot's shorter candles. ``max_drawdown`` null: that of the ensemble."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,23}$")]
    strategy: SleeveStrategy
    budget: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    parameters: dict[str, float | str] = {}
    timeframe: str | None = None
    max_drawdown: Annotated[float, Field(gt=0, le=1)] | None = None

    def named(self) -> dict[str, float | str]:
        """Return all parameters by name."""
        return {**SLEEVE_PARAMETERS[self.strategy], **self.parameters}

    @property
    def nanoseconds(self) -> int:
        """The own timeframe, 0 for the bot's."""
        return SLEEVE_TIMEFRAMES.get(self.timeframe or "", 0) * 3_600_000_000_000

    @model_validator(mode="after")
    def _fits_its_strategy(self) -> Self:
        known = SLEEVE_PARAMETERS[self.strategy]
        for name, value in self.parameters.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise ValueError(f"{self.strategy} has no parameter {name!r}; {hint}")
            if name == "weights":
                if value not in ("equal", "volatility"):
                    raise ValueError(f"weights is {value!r}; known are equal, volatility")
            elif isinstance(value, str) or not 0 <= value < 1_000:
                raise ValueError(f"{name} is {value!r}; it must be a number from 0 on")
            elif name == "top" and (value < 1 or value != int(value)):
                raise ValueError(f"top is {value!r}; it must be a whole number from 1 on")
        if self.timeframe is not None:
            if self.strategy not in ("MeanReversion", "Breakout"):
                raise ValueError(f"{self.strategy} has a timeframe of its own; leave timeframe out")
            if self.timeframe not in SLEEVE_TIMEFRAMES:
                raise ValueError(f"{self.timeframe!r} is none of {', '.join(SLEEVE_TIMEFRAMES)}")
        return self


class EnsembleSettings(Section):
    """The sleeves of ``Ensemble``. One that has lost ``max_drawdown`` from its peak is switched off
    until a person resumes it. ``budgets``: at the begin of each month every sleeve gets its
    ``fixed`` budget of the account again, or one by ``inverse_volatility``, at most twice and at
    least half its own. A virtual position ends after ``max_holding_days``; a position is traded
    when it is ``band`` of a slot off."""

    sleeves: Annotated[tuple[Sleeve, ...], Field(min_length=1, max_length=8)] = (
        Sleeve(name="trend", strategy="TrendFollowing", budget=0.50),
        Sleeve(name="rotation", strategy="MomentumRotation", budget=0.25),
        Sleeve(name="breakout", strategy="Breakout", budget=0.25),
    )
    max_drawdown: Annotated[float, Field(gt=0, le=1)] = 0.20
    budgets: Literal["fixed", "inverse_volatility"] = "fixed"
    max_holding_days: Annotated[float, Field(ge=1, le=60)] = 15
    band: Annotated[float, Field(ge=0.02, le=0.5)] = 0.1

    @field_validator("sleeves")
    @classmethod
    def _share_one_account(cls, sleeves: tuple[Sleeve, ...]) -> tuple[Sleeve, ...]:
        total = sum(sleeve.budget for sleeve in sleeves)
        if total > 1 + 1e-9:
            raise ValueError(f"the budgets sum to {total:g}, more than the account (1)")
        if len({sleeve.name for sleeve in sleeves}) < len(sleeves):
            raise ValueError("each sleeve needs a name of its own")
        return sleeves


class StoreSettings(Section):
    """Where what must survive a restart is kept: a SQLAlchemy database URL. A relative SQLite
    path counts from Freqtrade's user_data folder; empty means ``freqpilot.sqlite`` there.
    ``shared`` is one that several bots tell each other their open positions in; what a bot said
    last counts for ``shared_hours``."""

    url: str = ""
    shared: str = ""
    shared_hours: Positive = 24


class SourceSettings(Section):
    """A source that ``freqpilot collect`` asks ``every`` so many minutes (empty: the source's own
    pace); ``backfill_from`` is the first day of history that it brings. A value whose event is
    more than ``max_age`` hours ago counts as missing (empty: the source's own)."""

    enabled: bool = True
    every: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    backfill_from: date | None = None
    max_age: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    options: dict[str, Any] = {}


class TextSettings(Section):
    """What the collector makes of headlines and posts. ``head``: a scorer of your own, as
    ``freqpilot text train`` wrote it; empty is the lexicon. ``every``: minutes between two figures.
    ``half_life``: hours in which a text loses half its weight; ``window``: hours that mentions are
    counted over; ``min_days`` of texts before their number can be unusual. ``delay``: seconds from
    a text to the figure that holds it. A figure older than ``max_age`` hours counts as missing, and
    where nothing came from any source for as long, none is made. ``copies``: hours in which a copy
    of a text counts nowhere. ``assets``: more names and contract addresses of a coin. ``weights``:
    of a source (``rss.coindesk``) or an account (``x.com/name``); 0 leaves it out."""

    enabled: bool = False
    head: str = ""
    every: Annotated[float, Field(ge=1, le=1_440)] = 15
    half_life: Annotated[float, Field(gt=0, le=720)] = 6
    window: Annotated[float, Field(ge=1, le=168)] = 24
    min_days: Annotated[int, Field(ge=3, le=30)] = 7
    delay: Annotated[float, Field(ge=10, le=3_600)] = 60
    max_age: Positive = 6
    copies: Annotated[float, Field(ge=0, le=720)] = 48
    assets: dict[str, tuple[str, ...]] = {}
    weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = {}


class FactSettings(Section):
    """Where facts are kept: a database URL. Empty means beside the store: a SQLite file of its own,
    so that millions of facts hold up no order, or the same database of a server. ``sources`` are
    those that the collector asks; ``backups`` names for ``source/metric`` the ``source/metric``
    that stands in where the first is missing. ``timeout``: seconds until a silent source is given
    up."""

    url: str = ""
    timeout: Positive = 20
    sources: dict[str, SourceSettings] = {}
    backups: dict[str, str] = {}
    text: TextSettings = TextSettings()


class FeatureSettings(Section):
    """``shared``: FreqAI's features of a pair and timeframe are computed once a candle, for all
    pairs. Off for a strategy whose features read more than candles, which may change within one."""

    shared: bool = True


class Settings(Section):
    """The whole tree. ``digest`` is written by the host (pack and data version, so that
    Freqtrade's backtest cache notices a change), and so is ``run`` after a backtest (vetoes and
    released halts, for the report); ``synthetic`` marks invented market data. ``universe`` names
    the pairs that are ranked against each other; empty means the whitelist. ``analysis`` is written
    by the host where Freqtrade looks at one pair alone."""

    signals: SignalSettings = SignalSettings()
    labels: LabelSettings = LabelSettings()
    models: ModelSettings = ModelSettings()
    risk: RiskSettings = RiskSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    features: FeatureSettings = FeatureSettings()
    store: StoreSettings = StoreSettings()
    facts: FactSettings = FactSettings()
    universe: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0)] = 20260101
    supervisor: bool = True
    synthetic: bool = False
    analysis: bool = False
    digest: dict[str, str] = {}
    run: dict[str, Any] = {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read the ``freqpilot`` section of a Freqtrade configuration.

        :raises RefuseToStart: with one sentence per fault and the nearest known key.
        """
        section = config.get("freqpilot", {})
        if not isinstance(section, Mapping):
            raise RefuseToStart(
                f"the config's freqpilot section must be an object, not {type(section).__name__}"
            )
        try:
            return cls.model_validate(dict(section))
        except ValidationError as error:
            faults = "; ".join(_sentence(cls, dict(fault)) for fault in error.errors())
            raise RefuseToStart(f"config: {faults}. Mend the freqpilot section.") from None


def _sentence(root: type[BaseModel], fault: dict[str, Any]) -> str:
    location = [part for part in fault["loc"] if part != "[key]"]
    path = ".".join(["freqpilot", *map(str, location)])
    if fault["type"] not in ("extra_forbidden", "literal_error"):
        return f"{path}: {fault['msg'].removeprefix('Value error, ')}"
    names = _names_of(location[:-1])
    if fault["type"] == "literal_error" and names is None:
        return f"{path}: {fault['input']!r} is not known; known are {fault['ctx']['expected']}"
    known = names or _fields_at(root, location)
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"{path} is not known; {hint}"


def _names_of(place: list[Any]) -> list[str] | None:
    """Return the keys of the dictionary at ``place``, None where it is none of ours."""
    parent = place[-1] if place else None
    if parent == "class_weights":
        return list(get_args(WeightClass))
    if parent == "adaptation" or place[-2:] == ["exits", "regimes"]:
        return list(get_args(RegimeName))
    if parent == "responses":
        return list(get_args(EventKind))
    if place[-2:] in (["memes", "facts"], ["signals", "facts"]):
        return list(get_args(MemeFact if place[-2] == "memes" else FactColumn))
    if parent == "weights" or place[-2:-1] == ["class_weights"]:
        return list(get_args(AnalystName))
    return None


def _fields_at(root: type[BaseModel], location: list[Any]) -> list[str]:
    model = root
    for part in location[:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif part == "tiers":
            model = Tier if model is RiskSettings else Target
        elif part == "regimes":
            model = RegimeExit
        elif part == "taxonomy":
            model = Asset
        elif part == "adaptation":
            model = Adaptation
        elif part == "sources":
            model = SourceSettings
        elif part == "sleeves":
            model = Sleeve
        elif part == "responses":
            model = EventResponse
    return [field.alias or name for name, field in model.model_fields.items()]
