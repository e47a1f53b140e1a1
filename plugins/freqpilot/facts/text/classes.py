"""What classifiers of texts share: their classes, their scores and batches of one length (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from freqpilot.facts.text.labelled import WORDS
from freqpilot.facts.text.scorer import Scored
from freqpilot.shapes import Floats, Ints

MOST_TOKENS = 128
"""Of a text, special ones too; the rest is not read. A headline has about 20."""
BATCH = 32
LEAST_SURE = 0.01


class Order(NamedTuple):
    """At which of a model's outputs each class stands; ``neutral`` −1 where it has none."""

    negative: int
    neutral: int
    positive: int


def order_of(labels: Mapping[Any, Any]) -> Order:
    """Read a model's ``id2label``: names of classes (positive, bearish …) by place.

    :raises ValueError: where a name is unknown, comes twice, or a class is missing.
    """
    found: dict[int, int] = {}
    for place, name in labels.items():
        label = WORDS.get(str(name).strip().lower())
        if label is None or label in found:
            raise ValueError(
                f"its config.json names the classes {', '.join(map(str, labels.values()))}, and "
                "which of them is negative, neutral or positive cannot be told"
            )
        found[label] = int(place)
    if not {-1, 1} <= found.keys() or sorted(found.values()) != list(range(len(found))):
        raise ValueError("its config.json names no classes negative and positive")
    return Order(found[-1], found.get(0, -1), found[1])


def chances(logits: Floats) -> Floats:
    """Return the softmax of each row."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    out: Floats = grown / grown.sum(axis=1, keepdims=True)
    return out


def ordered(found: Floats, order: Order) -> Floats:
    """Return (n, 3) chances of negative, neutral, positive."""
    none = np.zeros(len(found))
    neutral = none if order.neutral < 0 else found[:, order.neutral]
    return np.column_stack([found[:, order.negative], neutral, found[:, order.positive]])


def scored(found: Floats) -> list[Scored]:
    """Return P(positive) − P(negative) of (n, 3) chances, as sure as the likeliest class.

    :raises ValueError: for what is no number.
    """
    if not np.isfinite(found).all():
        raise ValueError("the model answered with what is no number")
    return [
        Scored(
            float(np.clip(row[2] - row[0], -1.0, 1.0)), float(np.clip(row.max(), LEAST_SURE, 1.0))
        )
        for row in found
    ]


class Batch(NamedTuple):
    """Texts of similar length: ``rows`` are their places; ``ids`` and ``mask`` (rows, tokens)."""

    rows: Ints
    ids: Ints
    mask: Ints


def batches(tokens: Sequence[Sequence[int]], pad: int, size: int = BATCH) -> Iterator[Batch]:
    """Yield all texts, the shortest first, so that little is padded."""
    lengths = np.array([len(each) for each in tokens], dtype=np.int64)
    order = np.argsort(lengths, kind="stable")
    for begin in range(0, len(tokens), size):
        rows = order[begin : begin + size]
        width = int(lengths[rows].max())
        ids = np.full((rows.size, width), pad, dtype=np.int64)
        mask = np.zeros((rows.size, width), dtype=np.int64)
        for at, row in enumerate(rows.tolist()):
            ids[at, : lengths[row]] = tokens[row]
            mask[at, : lengths[row]] = 1
        yield Batch(rows, ids, mask)
