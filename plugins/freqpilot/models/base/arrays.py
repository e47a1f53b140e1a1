"""Arrays of weights as text, so that a model file is JSON and a pickle of it holds values only."""

import base64
from typing import Any, NamedTuple

import numpy as np

from freqpilot.shapes import Floats32


class Weight(NamedTuple):
    """One named array: its shape and its float32 values, little-endian, in base64."""

    name: str
    shape: tuple[int, ...]
    data: str


def encode(name: str, values: Any) -> Weight:
    """Return ``values`` as float32 in text."""
    array = np.ascontiguousarray(values, dtype="<f4")
    return Weight(name, array.shape, base64.b64encode(array.tobytes()).decode("ascii"))


def decode(weight: tuple[str, tuple[int, ...], str]) -> Floats32:
    """Return the array of a weight.

    :raises ValueError: when its data does not fill its shape.
    """
    _, shape, data = weight
    found = np.frombuffer(base64.b64decode(data, validate=True), dtype="<f4")
    return np.asarray(found.reshape(shape), np.float32)
