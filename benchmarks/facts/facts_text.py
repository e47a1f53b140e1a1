"""Text throughput and quality: ``python -m benchmarks facts_text --data ../shared/data/sentiment
--json``; a part of :mod:`benchmarks.facts.parts`.

What :mod:`benchmarks.facts.text_speed` prints, and of :mod:`benchmarks.facts.text` the lexicon and
what ships against it on the held-out parts. Exits non-zero unless the export says the same and is
fast enough, and the encoder is better than the lexicon by each figure's mean over the sets.
"""

import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.facts import text, text_speed
from benchmarks.support.options import parser
from benchmarks.support.result import Result, Target, finish, progress

DATA = Path("../shared/data/sentiment")
LEXICON, BEST = "lexicon (default)", "encoder"
FIGURES = ("accuracy", "macro_f1", "spearman")


def quality(data: Path) -> dict[str, Any]:
    """Return the figures of what needs no training here, and their means over the sets."""
    others = text.shipped()
    found = {each.name: text.measured(each, [], others)["scorers"] for each in text.sets(data)}
    means: dict[str, Any] = {}
    for name in (LEXICON, BEST):
        rows = [scorers[name] for scorers in found.values() if name in scorers]
        means[name] = {each: fmean(row[each] for row in rows) for each in FIGURES} if rows else {}
    return {"sets": found, "means": means, "ok": better(means)}


def better(means: dict[str, Any]) -> bool:
    """Tell whether the encoder's mean of each figure is above the lexicon's; no where one of them
    is missing."""
    one, other = means.get(BEST, {}), means.get(LEXICON, {})
    return all(each in one and each in other and one[each] > other[each] for each in FIGURES)


def measure(data: Path = DATA, texts: int = 48, turns: int = 2) -> Result:
    """Return the throughput and the quality; without the sets parity fails."""
    if not data.is_dir():
        return Result("facts_text", {"missing": str(data)}, parity=False)
    speed = text_speed.measure(text_speed.chosen(data, texts), turns, text_speed.SHAPE)
    good = quality(data)
    targets = {
        **speed.targets,
        "the encoder is better than the lexicon": Target(good["ok"], True, good["ok"]),
    }
    figures = {"speed": speed.figures, "quality": good}
    return Result("facts_text", figures, targets, speed.parity, strict=True)


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("facts_text", __doc__)
    made.add_argument("--data", type=Path, default=DATA)
    made.add_argument("--texts", type=int, default=48, help="of the throughput")
    made.add_argument("--turns", type=int, default=2)
    given = made.parse_args()
    progress()("SYNTHETIC weights for the throughput, real texts")
    return finish(measure(given.data, given.texts, given.turns), given)


if __name__ == "__main__":
    sys.exit(main())
