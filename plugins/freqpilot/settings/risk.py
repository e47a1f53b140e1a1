"""``freqpilot.risk``: limits, tiers, streaks, sizing."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from freqpilot.settings.base import Fraction, Positive, Section
from freqpilot.settings.budgets import TagBudget, TradeBudget
from freqpilot.settings.exits import ExitSettings
from freqpilot.settings.market import Asset, BookSettings, ClassCaps, MarketSettings, SectorCaps
from freqpilot.settings.wayout import CatastropheStop, LiquidationGuard

SizingMethod = Literal["volatility", "blueprint", "kelly", "fixed"]


ReportedRule = Literal[
    "max_open_trades",
    "max_leverage",
    "max_position",
    "max_exposure",
    "max_exchange_exposure",
    "max_meme_position",
    "max_class",
    "max_sector",
    "trade_budget",
    "trade_additions",
    "tag_budget",
    "tag_trades",
    "trade_risk",
    "book",
]


StrategyLevel = Literal["simple", "moderate", "advanced", "full"]
"""How much a strategy asks of who runs it, the least first."""


class Tier(Section):
    """Limits from an equity (US dollars) upwards: risk per trade, largest position, open trades,
    leverage, all memecoins together, and up to which level sleeves of ``Ensemble`` may trade."""

    name: str
    equity_from: Annotated[float, Field(ge=0)]
    risk_per_trade: Fraction
    max_position: Fraction
    max_open_trades: Annotated[int, Field(ge=1)]
    max_leverage: Annotated[float, Field(ge=1)] = 1.0
    meme_cap: Fraction = 0.10
    strategies: StrategyLevel = "full"


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
    ``threshold`` (share of equity) and ``least`` (US dollars) on, and when it has stayed for
    ``seconds``. A declaration that nothing was seen of lapses after ``days``."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.01
    least: Positive = 10.0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60
    days: Positive = 7


class RiskSettings(Section):
    """Sizes and limits, as fractions of equity unless said otherwise. ``stake_rate`` is how many US
    dollars one unit of the stake currency is worth, where the exchange does not tell and in
    backtests."""

    tiers: tuple[Tier, ...] = (
        Tier(
            name="Foundation",
            strategies="simple",
            equity_from=0,
            meme_cap=0.05,
            risk_per_trade=0.02,
            max_position=0.15,
            max_open_trades=3,
        ),
        Tier(
            name="Growth",
            strategies="moderate",
            equity_from=2_000,
            meme_cap=0.08,
            risk_per_trade=0.015,
            max_position=0.12,
            max_open_trades=4,
            max_leverage=2,
        ),
        Tier(
            name="Acceleration",
            strategies="advanced",
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
    stake_rate: Positive | None = None
    profile: Literal["full", "guard", "watch"] = "full"
    """``watch`` judges, reports and changes no order. The numbers of ``guard`` stand in its layer,
    ``guard.json``."""
    report_only: tuple[ReportedRule, ...] = ()
    """Limits that are judged and reported, and that neither cut nor refuse."""
    oversized: Literal["cut", "refuse"] = "cut"
    """What becomes of a stake above the limits, of any strategy."""
    ladder_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Which share of all that it may put into a trade the first order of a strategy is that adds to
    its positions. Empty: as if all of its additions were as large as the first order."""
    leverage: Annotated[float, Field(ge=1)] = 1.0
    """What the pack's own strategies ask for on futures; never above the tier's, and never so much
    that a liquidation is nearer than two stop distances."""
    trade: TradeBudget = TradeBudget()
    """What a trade with all its additions may be, beside the largest position of its tier."""
    tags: dict[str, TagBudget] = {}
    """What the open trades of entry tags may be together, by the name of the group."""
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
    catastrophe_stop: CatastropheStop = CatastropheStop()
    liquidation: LiquidationGuard = LiquidationGuard()
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
    streak_lapse_days: Positive = 7
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
    unproven_exchange: bool = False
    """Whether a person lets the bot trade live on an exchange whose lost orders were not proven to
    be found again (:mod:`freqpilot.execution.venues`)."""
    key_cannot_withdraw: bool = False
    """Whether a person has looked that the bot's key may not withdraw, where the exchange does not
    tell (:mod:`freqpilot.host.gate.keyright`)."""
    api_errors: Annotated[int, Field(ge=1)] = 6
    api_error_share: Fraction = 0.30
    api_window_minutes: Positive = 5
    market: MarketSettings = MarketSettings()
    flows: FlowSettings = FlowSettings()
    volatility: VolatilitySettings = VolatilitySettings()
    book: BookSettings = BookSettings()

    @property
    def watches(self) -> bool:
        """Whether the supervisor judges and changes nothing."""
        return self.profile == "watch"

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
