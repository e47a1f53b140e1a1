"""Labelled texts from a csv file."""

from pathlib import Path
from typing import NamedTuple

from freqpilot.errors import RefuseToStart

NEUTRAL = 0.1
"""Scores nearer to 0 are neutral."""
WORDS = {
    "negative": -1, "bearish": -1, "-1": -1, "-1.0": -1,
    "neutral": 0, "0": 0, "0.0": 0,
    "positive": 1, "bullish": 1, "1": 1, "1.0": 1,
}  # fmt: skip


class Labelled(NamedTuple):
    """Texts and what they are: −1, 0 or 1."""

    texts: list[str]
    labels: list[int]


def read(file: Path) -> Labelled:
    """Read columns ``text`` and ``label`` (negative, neutral, positive or −1, 0, 1) or ``score``
    (−1…1).

    :raises RefuseToStart: naming the first row that cannot be read.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise RefuseToStart(
            f"{file} cannot be read ({error}); nothing was trained and open trades are untouched"
        ) from None
    column = next((name for name in ("label", "score") if name in frame), None)
    if "text" not in frame or column is None:
        raise RefuseToStart(
            f"{file} needs the columns text and label (or score), it has "
            f"{', '.join(map(str, frame.columns))}; nothing was trained"
        )
    rows = zip(frame["text"], frame[column], strict=True)
    labels = []
    for place, (_, value) in enumerate(rows, 2):
        try:
            labels.append(_class(value) if column == "score" else WORDS[value.strip().lower()])
        except (KeyError, ValueError):
            raise RefuseToStart(
                f"{file} line {place}: {value!r} is no {column}; write negative, neutral, positive "
                "as label or −1…1 as score. Nothing was trained"
            ) from None
    return Labelled(frame["text"].tolist(), labels)


def _class(value: str) -> int:
    score = float(value)
    if not -1 <= score <= 1:
        raise ValueError("outside")
    return (score > NEUTRAL) - (score < -NEUTRAL)
