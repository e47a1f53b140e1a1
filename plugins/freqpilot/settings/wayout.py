"""``freqpilot.risk.catastrophe_stop`` and ``freqpilot.risk.liquidation``: the ways out of a
position whose strategy bounds no loss."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from freqpilot.settings.base import Positive, Section

Share = Annotated[float, Field(gt=0, lt=1)]


class CatastropheStop(Section):
    """The stop that Freqpilot gives a position of a strategy that it does not size itself.

    It is ``atr_multiple`` daily ATRs from the price that was paid, at least ``at_least`` and at
    most ``at_most`` of it, and ``without_candles`` where the pair has too few days of candles. It
    is a tenth behind a stop within ``at_most`` that the strategy watches itself. ``budget`` is the
    share of equity that a trade with all its additions may lose on the way there.
    """

    enabled: bool = True
    atr_multiple: Positive = 3.0
    at_least: Share = 0.05
    at_most: Share = 0.30
    without_candles: Share = 0.20
    budget: Share = 0.05

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.at_least <= self.at_most:
            raise ValueError("at_least must not be above at_most")
        return self


class LiquidationGuard(Section):
    """How far the price of a futures position may go to where it is liquidated, as shares of the
    way from what was paid: at ``reduce_at`` Freqpilot sells ``reduce_share`` of the position, at
    ``close_at`` the rest."""

    enabled: bool = True
    reduce_at: Share = 0.5
    reduce_share: Share = 0.5
    close_at: Share = 0.75

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.reduce_at < self.close_at:
            raise ValueError("reduce_at must be below close_at")
        return self
