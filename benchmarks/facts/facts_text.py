"""Text throughput and quality: ``python -m benchmarks facts_text --data ../shared/data/sentiment
--json``; a part of :mod:`benchmarks.facts.parts`.

What :mod:`benchmarks.facts.text_speed` prints, and of :mod:`benchmarks.facts.text` the lexicon and
what ships against it on the held-out parts. Exits non-zero unless the export says the same and is
fast enough, and the encoder is better than the lexicon by each figure's mean over the sets.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.facts import text, text_speed
from benchmarks.support.page import finite

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


def measure(data: Path = DATA, texts: int = 48, turns: int = 2) -> tuple[dict[str, Any], bool]:
    """Return the figures, and whether all is as it must be; without the sets it is not."""
    if not data.is_dir():
        return {"missing": str(data)}, False
    speed = text_speed.measure(text_speed.chosen(data, texts), turns, text_speed.SHAPE)
    good = quality(data)
    ok = text_speed.sound(speed) and good["ok"]
    return finite({"speed": speed, "quality": good}), ok


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--texts", type=int, default=48, help="of the throughput")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print nothing but the result")
    given = parser.parse_args()
    if not given.json:
        print("SYNTHETIC weights for the throughput, real texts")
    figures, ok = measure(given.data, given.texts, given.turns)
    print(json.dumps({"name": "facts_text", **figures, "ok": ok}))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
