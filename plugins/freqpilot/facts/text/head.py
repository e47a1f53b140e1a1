"""A user's own scorer: a linear head on hashed n-grams and what the lexicon says.

It is trained on the user's labelled texts and kept as JSON with a digest; none is shipped. What it
says of texts from before its training it could only have learnt later, so ``known_from`` is when it
was trained, and backtests before see nothing of it.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text.classes import chances, scored
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.lexicon import VERSION as LEXICON
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.scorer import Scored
from freqpilot.shapes import Floats, Ints

FORMAT = 1
DIMENSIONS = 1 << 15
EXTRA = 3
"""What the lexicon says: its score's rise, its fall and its confidence."""
CLASSES = ("negative", "neutral", "positive")
LEAST = 30
"""Texts of each class."""
_TOKEN = re.compile(r"[$#]?[^\W\d_]+|\d+|%|[^\w\s]")
TAKEN = (Lexicon.name, "encoder", "finbert")
"""Names of the other scorers."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


class Rows(NamedTuple):
    """Sparse rows of ``DIMENSIONS + EXTRA`` columns, one a text."""

    begin: Ints
    column: Ints
    value: Floats


def features(texts: Sequence[str]) -> Rows:
    """Return each text's n-grams (one and two words, three to five letters), hashed by CRC-32,
    log-scaled, of length 1; and what the lexicon says."""
    begin, columns, values = [0], [], []
    for text, said in zip(texts, Lexicon().score(texts), strict=True):
        found = np.fromiter(_hashes(clean(text)), np.int64)
        column, count = np.unique(found % DIMENSIONS, return_counts=True)
        value = 1.0 + np.log(count)
        value /= math.sqrt(float(value @ value)) or 1.0
        extra = (max(said.score, 0.0), max(-said.score, 0.0), said.confidence)
        columns += [column, DIMENSIONS + np.arange(EXTRA)]
        values += [value, np.array(extra)]
        begin.append(begin[-1] + column.size + EXTRA)
    if not columns:
        return Rows(np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))
    return Rows(np.array(begin), np.concatenate(columns), np.concatenate(values))


@dataclass(frozen=True, eq=False)
class Head:
    """A trained head: ``weights`` of shape (DIMENSIONS + EXTRA, 3) and ``bias`` of the classes."""

    name: str
    known_from: datetime
    weights: Floats
    bias: Floats
    digest: str

    @property
    def version(self) -> str:
        """The digest's begin: another training is another version."""
        return self.digest[:8]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return (n, 3): how likely each text is negative, neutral, positive."""
        rows = features(texts)
        parts = self.weights[rows.column] * rows.value[:, None]
        logits = np.add.reduceat(parts, rows.begin[:-1], axis=0) if len(texts) else parts
        return chances(logits + self.bias)

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return P(positive) − P(negative), as sure as the likeliest class."""
        return scored(self.probabilities(texts))


def train(
    texts: Sequence[str], labels: Sequence[int], name: str, now: datetime, strength: float = 8.0
) -> Head:
    """Fit a multinomial logistic regression.

    :param labels: −1, 0, 1.
    :param strength: the inverse of the ridge penalty.
    :raises RefuseToStart: for a bad name, or fewer than ``LEAST`` texts of a class.
    """
    if not NAME.fullmatch(name) or name in TAKEN:
        raise RefuseToStart(f"{name!r} is no name for a head; use small letters, digits and _")
    counts = {each: list(labels).count(each - 1) for each in range(3)}
    few = [f"{CLASSES[each]} ({counts[each]})" for each in counts if counts[each] < LEAST]
    if few:
        raise RefuseToStart(
            f"too few texts to train on: {', '.join(few)}; each class needs {LEAST}. Nothing was "
            "written, the collector goes on with what it has"
        )
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    rows = features(texts)
    shape = (len(texts), DIMENSIONS + EXTRA)
    matrix = csr_matrix((rows.value, rows.column, rows.begin), shape=shape)
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(matrix, np.asarray(labels))
    return _made(name, now, np.round(model.coef_.T, 5), np.round(model.intercept_, 5))


def save(head: Head, file: Path) -> None:
    """Write a head, whole or not at all."""
    document = {**_document(head.name, head.known_from, head.weights, head.bias)}
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps({**document, "digest": head.digest}), encoding="utf-8")
    part.replace(file)


def load(file: Path) -> Head:
    """Read a head.

    :raises RefuseToStart: when it is missing, of another version, or not what was written.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        digest = found.pop("digest")
        if (found["format"], found["lexicon"], found["dimensions"]) != (
            FORMAT,
            LEXICON,
            DIMENSIONS,
        ):
            raise ValueError("it was trained by another version of Freqpilot")
        weights = np.zeros((DIMENSIONS + EXTRA, 3))
        weights[np.array(found["columns"], dtype=np.int64)] = found["weights"]
        head = _made(
            found["name"], datetime.fromisoformat(found["trained_at"]), weights, found["bias"]
        )
        if head.digest != digest or not np.isfinite(weights).all():
            raise ValueError("its digest does not fit: the file was changed")
        if head.known_from.tzinfo is None or not NAME.fullmatch(head.name):
            raise ValueError("its name or time is none")
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise RefuseToStart(
            f"the head {file} cannot be used ({error}); texts are not scored, open trades are "
            "untouched. Train it anew with freqpilot text train, or empty freqpilot.facts.text.head"
        ) from None
    return head


def _made(name: str, now: datetime, weights: Any, bias: Any) -> Head:
    table, offsets = np.asarray(weights, dtype=np.float64), np.asarray(bias, dtype=np.float64)
    if table.shape != (DIMENSIONS + EXTRA, 3) or offsets.shape != (3,):
        raise ValueError("its weights have another shape")
    text = json.dumps(_document(name, now, table, offsets), sort_keys=True)
    return Head(name, now, table, offsets, hashlib.sha256(text.encode()).hexdigest())


def _document(name: str, now: datetime, weights: Floats, bias: Floats) -> dict[str, Any]:
    columns = np.flatnonzero(weights.any(axis=1))
    return {
        "format": FORMAT,
        "lexicon": LEXICON,
        "dimensions": DIMENSIONS,
        "name": name,
        "trained_at": now.isoformat(),
        "columns": columns.tolist(),
        "weights": weights[columns].tolist(),
        "bias": bias.tolist(),
    }


def _hashes(text: str) -> list[int]:
    words = _TOKEN.findall(text.lower())
    grams = [f"w{word}" for word in words]
    grams += [f"b{first} {second}" for first, second in pairwise(words)]
    for word in words:
        padded = f" {word} "
        for size in (3, 4, 5):
            grams += [f"c{padded[at : at + size]}" for at in range(max(0, len(padded) - size + 1))]
    return [crc32(gram.encode("utf-8", "replace")) for gram in grams]
