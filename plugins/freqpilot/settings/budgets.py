"""``freqpilot.risk.trade`` and ``.tags``: what a whole trade and the trades of a tag may be."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from freqpilot.settings.base import Section

Share = Annotated[float, Field(gt=0, le=1)]


class TradeBudget(Section):
    """What a trade with all its additions may be; what is left out is not bounded.

    ``max_stake``: own money in it; ``max_loss``: what it loses at its stop, all of its own money
    where it has none; both as shares of equity. ``max_additions``: orders after its first one.
    """

    max_stake: Share | None = None
    max_loss: Share | None = None
    max_additions: Annotated[int, Field(ge=0)] | None = None


class TagBudget(Section):
    """What the open trades of a group of entry tags may be together.

    ``tags``: patterns such as ``"dip"`` or ``"dip*"``, held against a trade's tag and against each
    word of it. ``max_stake``: own money in them, a share of equity; ``max_trades``: how many are
    open. ``each``: both hold for each tag of the group alone, not for all of them together.
    """

    tags: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    max_stake: Share | None = None
    max_trades: Annotated[int, Field(ge=1)] | None = None
    each: bool = False

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.max_stake is None and self.max_trades is None:
            raise ValueError("a group of tags needs max_stake, max_trades or both")
        return self
