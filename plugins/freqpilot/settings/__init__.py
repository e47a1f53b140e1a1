"""The ``freqpilot`` section of Freqtrade's config: one pydantic tree, closed to unknown keys.

Every default is the number of the specification. ``Settings.from_config`` is the only way in; it
turns what pydantic reports into sentences that name the nearest known key.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from freqpilot.errors import RefuseToStart
from freqpilot.settings.base import Fraction, Positive, Section
from freqpilot.settings.budgets import TagBudget, TradeBudget
from freqpilot.settings.ensemble import (
    SLEEVE_PARAMETERS,
    SLEEVE_TIMEFRAMES,
    EnsembleSettings,
    Sleeve,
    SleeveStrategy,
)
from freqpilot.settings.exits import ExitSettings, MemeExits, RegimeExit, StopMethod, Target, Tiers
from freqpilot.settings.facts import FactSettings, SourceSettings, StoreSettings, TextSettings
from freqpilot.settings.faults import sentence
from freqpilot.settings.market import (
    BOOK_TIMEFRAMES,
    Asset,
    AssetClass,
    BookSettings,
    ClassCaps,
    ClassShocks,
    MarketSettings,
    Sector,
    SectorCaps,
)
from freqpilot.settings.models import EdgeSettings, LabelSettings, ModelSettings
from freqpilot.settings.networks import GuardSettings, SequenceSettings
from freqpilot.settings.risk import (
    FlowSettings,
    RiskSettings,
    SizingMethod,
    SizingSettings,
    StrategyLevel,
    StreakPhase,
    Tier,
    VolatilitySettings,
    VolatilityStep,
)
from freqpilot.settings.signals import (
    TREND_WEIGHTS,
    Adaptation,
    AnalystName,
    ConfluenceSettings,
    Couples,
    EventKind,
    EventResponse,
    EventSettings,
    FactColumn,
    MemeFact,
    MemeSettings,
    PairsSettings,
    RegimeName,
    RegimeSettings,
    ScorecardSettings,
    SignalSettings,
    WeightClass,
)
from freqpilot.settings.training import TrainingSettings
from freqpilot.settings.wayout import CatastropheStop, LiquidationGuard

__all__ = [
    "BOOK_TIMEFRAMES",
    "SLEEVE_PARAMETERS",
    "SLEEVE_TIMEFRAMES",
    "TREND_WEIGHTS",
    "Adaptation",
    "AnalystName",
    "Asset",
    "AssetClass",
    "BookSettings",
    "CatastropheStop",
    "ClassCaps",
    "ClassShocks",
    "ConfluenceSettings",
    "Couples",
    "EdgeSettings",
    "EnsembleSettings",
    "EventKind",
    "EventResponse",
    "EventSettings",
    "ExitSettings",
    "FactColumn",
    "FactSettings",
    "FeatureSettings",
    "FlowSettings",
    "Fraction",
    "GuardSettings",
    "LabelSettings",
    "LiquidationGuard",
    "MarketSettings",
    "MemeExits",
    "MemeFact",
    "MemeSettings",
    "ModelSettings",
    "PairsSettings",
    "Positive",
    "RegimeExit",
    "RegimeName",
    "RegimeSettings",
    "RiskSettings",
    "ScorecardSettings",
    "Section",
    "Sector",
    "SectorCaps",
    "SequenceSettings",
    "Settings",
    "SignalSettings",
    "SizingMethod",
    "SizingSettings",
    "Sleeve",
    "SleeveStrategy",
    "SourceSettings",
    "StopMethod",
    "StoreSettings",
    "StrategyLevel",
    "StreakPhase",
    "TagBudget",
    "Target",
    "TextSettings",
    "Tier",
    "Tiers",
    "TradeBudget",
    "TrainingSettings",
    "VolatilitySettings",
    "VolatilityStep",
    "WeightClass",
]


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
            faults = "; ".join(sentence(cls, dict(fault)) for fault in error.errors())
            raise RefuseToStart(f"config: {faults}. Mend the freqpilot section.") from None
