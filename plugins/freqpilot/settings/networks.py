"""``freqpilot.models.sequences`` and ``freqpilot.models.guard``."""

from typing import Annotated, Literal

from pydantic import Field

from freqpilot.settings.base import Positive, Section


class SequenceSettings(Section):
    """The networks: ``length`` candles of context a row, ``hidden`` units, training for
    ``least_epochs`` to ``epochs`` rounds, ended once ``patience`` of them bring nothing on the
    purged tail: it is too short to tell by it when the first ones are enough. ``device``
    is where they are trained, in the ``precision`` of their products (``auto``: float32 on the CPU,
    mixed on a GPU, ``cuda``); they serve on the CPU, in float64."""

    length: Annotated[int, Field(ge=2, le=256)] = 32
    hidden: Annotated[int, Field(ge=4, le=512, multiple_of=4)] = 32
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 30
    least_epochs: Annotated[int, Field(ge=1, le=1_000)] = 4
    patience: Annotated[int, Field(ge=1)] = 2
    batch: Annotated[int, Field(ge=8, le=65_536)] = 256
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 0.001
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    dropout: Annotated[float, Field(ge=0, lt=0.9)] = 0.1
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class GuardSettings(Section):
    """The anomaly guard: an autoencoder refuses candles whose reconstruction error is above the
    ``quantile`` of those it was not trained on, so about 1 − ``quantile`` of usual ones too.
    ``hidden`` units lead to a code of ``code`` figures and back."""

    enabled: bool = False
    quantile: Annotated[float, Field(gt=0.5, lt=1)] = 0.99
    hidden: Annotated[int, Field(ge=2, le=512)] = 32
    code: Annotated[int, Field(ge=1, le=256)] = 8
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 60
    patience: Annotated[int, Field(ge=1)] = 5
    learning_rate: Positive = 0.003
