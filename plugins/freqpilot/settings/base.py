"""Sections and the kinds of number they are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A closed, immutable part of the tree."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
