"""``freqpilot.ensemble``: sleeves and their budgets."""

import difflib
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from freqpilot.settings.base import Section

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
