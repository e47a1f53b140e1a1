"""What texts weigh by their reactions, as far as these had been seen at each time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import exists, select

from freqpilot.facts.append import micros, moment
from freqpilot.facts.store import FactStore
from freqpilot.facts.text.aggregates import Texts, loudness
from freqpilot.shapes import Ints
from freqpilot.store.tables import FactEngagementRow, FactItemRow

Seen = Mapping[tuple[str, str], Sequence[tuple[int, float]]]
"""Of each text, by source and key, when how much engagement was seen, in order."""


def seen_of(store: FactStore, model: str, first: int, last: int) -> Seen:
    """Return the engagement seen until ``last`` of the texts after ``first`` that a model scored;
    times in microseconds."""
    row, text = FactEngagementRow, FactItemRow
    same = (text.source == row.source) & (text.key == row.key) & (text.model == model)
    same &= (text.event_time > moment(first)) & (text.event_time <= moment(last))
    query = select(row.source, row.key, row.known_at, row.value)
    query = query.where(row.known_at <= moment(last), exists().where(same))
    seen: dict[tuple[str, str], list[tuple[int, float]]] = {}
    with store.engine.connect() as connection:
        for source, key, known, value in connection.execute(query.order_by(row.known_at)):
            seen.setdefault((source, key), []).append((micros(known), value))
    return seen


def by_engagement(
    names: Mapping[str, Any],
    texts: Texts,
    seen: Seen,
    most: float,
) -> tuple[Texts, Ints, Texts]:
    """Return the texts with the weight that they had when they came to be known, and what they
    came to weigh more or less later: of the texts at which places, and by how much from when."""
    weight = texts.weight.copy()
    of: list[int] = []
    known: list[int] = []
    change: list[float] = []
    for place, name in enumerate(zip(names["source"], names["key"], strict=True)):
        factor = 1.0
        for time, value in seen.get(name, ()):
            louder = float(loudness(np.array([value]), most)[0])
            if time <= texts.known[place]:
                weight[place] = texts.weight[place] * louder
            elif louder != factor and texts.weight[place]:
                of.append(place)
                known.append(time)
                change.append(texts.weight[place] * (louder - factor))
            factor = louder
    at = np.array(of, dtype=np.int64)
    grown = Texts(
        texts.event[at],
        np.array(known, dtype=np.int64),
        texts.score[at],
        np.array(change, dtype=np.float64),
    )
    return Texts(texts.event, texts.known, texts.score, weight), at, grown
