"""``freqpilot.labels`` and ``freqpilot.models``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from freqpilot.settings.base import Positive, Section
from freqpilot.settings.networks import GuardSettings, SequenceSettings
from freqpilot.settings.training import TrainingSettings


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
    forecast counts beside those of the last ``memory`` horizons. ``groups``: pairs are judged
    together as well, all or those of a class of coins, and the lesser confidence holds."""

    enabled: bool = True
    groups: Literal["off", "all", "class"] = "all"
    min_ic: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    evidence: Annotated[float, Field(ge=10, le=10_000)] = 200
    block: Annotated[int, Field(ge=2, le=20)] = 4
    memory: Annotated[int, Field(ge=20, le=500)] = 60


class PooledSettings(Section):
    """One model for all pairs: with ``ranks`` each pair's own features are ranked among those of
    all pairs at the same candle; of more than ``most_rows`` candles of a window, all pairs
    together, every second, third … is trained on."""

    ranks: bool = True
    most_rows: Annotated[int, Field(ge=1_000)] = 50_000


class ModelSettings(Section):
    """What holds for every model."""

    edge: EdgeSettings = EdgeSettings()
    training: TrainingSettings = TrainingSettings()
    sequences: SequenceSettings = SequenceSettings()
    guard: GuardSettings = GuardSettings()
    pooled: PooledSettings = PooledSettings()
