"""``freqpilot.risk.exits``: targets, trails, and what a regime or a meme coin changes."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from freqpilot.settings.base import Positive, Section
from freqpilot.settings.signals import RegimeName

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
