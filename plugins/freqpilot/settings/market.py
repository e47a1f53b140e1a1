"""What an asset is and what a book must hold: ``freqpilot.risk.market`` and ``.book``."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from freqpilot.settings.base import Fraction, Positive, Section

AssetClass = Literal["btc", "eth", "top20", "small", "meme"]


BOOK_TIMEFRAMES = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")


Sector = Literal["defi", "l1", "l2", "ai", "meme", "other"]


class ClassCaps(Section):
    """Most of the equity in each class of assets; ``top20`` is without BTC and ETH. What is in BTC
    above ``btc_free`` is taken from the cap of ETH, down to ``eth_least``, as both fall together.
    """

    btc: Fraction = 0.40
    eth: Fraction = 0.30
    top20: Fraction = 0.40
    small: Fraction = 0.20
    meme: Fraction = 0.10
    btc_free: Fraction = 0.20
    eth_least: Fraction = 0.10


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
    ``correlation_sigmas`` daily deviations at a correlation of 1, an outage of
    ``outage_hours`` that leaves prices ``outage_sigmas`` deviations of that time beyond the stops,
    an ``exchange_hack`` that takes this share of what is in positions there, and a ``rate_shock``,
    falls by class within three days that cost what is borrowed ``rate_funding`` besides.
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
    exchange_hack: Fraction = 0.36
    rate_shock: ClassShocks = ClassShocks(btc=0.22, eth=0.33, top20=0.30, small=0.40, meme=0.45)
    rate_funding: Fraction = 0.02

    @field_validator("timeframe")
    @classmethod
    def _divides_a_day(cls, timeframe: str) -> str:
        if timeframe not in BOOK_TIMEFRAMES:
            raise ValueError(f"{timeframe!r} is none of {', '.join(BOOK_TIMEFRAMES)}")
        return timeframe
