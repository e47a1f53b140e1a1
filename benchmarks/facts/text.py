"""Scorers of texts on labelled sets: ``python -m benchmarks text --data ../shared/data/sentiment
--json``.

Every set is cut in two by a hash of its cleaned text (CRC-32, a fifth is held out), so that copies
of a text stand on one side. Heads are trained on the training part alone; every scorer is judged on
the held-out part: accuracy and macro-F1 of negative, neutral, positive, Spearman's rank correlation
of scores, texts a second. The lexicons were not looked at with these sets; the encoder's head has
learnt from the training parts of two of them (:mod:`benchmarks.facts.text_head`). ``--export`` adds
a model that ``freqpilot text export`` wrote. Prints one JSON object last; ``--page`` writes the
section of docs/results.md. Without a set, or the packages of the encoder, it is left out.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd

from benchmarks.support.options import add_page_option, parser
from benchmarks.support.result import Result, finish, finite, progress
from freqpilot.facts.text import encoder, exported
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.head import train
from freqpilot.facts.text.labelled import NEUTRAL
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.scorer import Scorer
from freqpilot.shapes import Bools, Floats, Ints

BEGIN, END = "<!-- text: written by the benchmark -->", "<!-- end of text -->"
HELD_OUT = 5
CUT = 0.05
"""VADER's authors call a text neutral within ± this."""
NAMED = {"negative": -1, "neutral": 0, "positive": 1}


@dataclass(frozen=True)
class Set:
    """Labelled texts; ``label`` −1, 0, 1, and ``score`` where the set has one."""

    name: str
    texts: list[str]
    label: Ints
    score: Floats

    @property
    def held(self) -> Bools:
        """Tell which texts are held out."""
        return np.array([crc32(clean(t).lower().encode()) % HELD_OUT == 0 for t in self.texts])


def made(name: str, texts: Any, label: Any, score: Any = None) -> Set:
    """Return a set, without texts that come twice."""
    frame = pd.DataFrame({"text": texts, "label": np.asarray(label)})
    frame["score"] = frame["label"].astype(float) if score is None else np.asarray(score)
    frame = frame.dropna().drop_duplicates("text")
    label = frame["label"].to_numpy(dtype=np.int64)
    return Set(name, frame["text"].tolist(), label, frame["score"].to_numpy(dtype=np.float64))


def sign(score: Any) -> Any:
    """Return the class of a set's own scores."""
    return (score > NEUTRAL).astype(int) - (score < -NEUTRAL).astype(int)


def sets(folder: Path) -> list[Set]:
    """Return the labelled sets that are there."""
    found = []
    if (file := folder / "twitter_financial_news_train.csv").is_file():
        frame = pd.read_csv(file)
        label = frame["label"].map({0: -1, 1: 1, 2: 0})
        found.append(made("Twitter financial news", frame["text"], label))
    if (file := folder / "financial_phrasebank_75agree_CC-BY-NC-SA.csv").is_file():
        frame = pd.read_csv(file)
        found.append(made("Financial PhraseBank", frame["text"], frame["label"].map(NAMED)))
    parts = [folder / f"fiqa_task1_{kind}_ABSA_train.csv" for kind in ("headline", "post")]
    if all(part.is_file() for part in parts):
        frame = pd.concat([pd.read_csv(part) for part in parts])
        found.append(made("FiQA", frame["text"], sign(frame["score"]), frame["score"]))
    if (file := folder / "surge_stock_tweets_human.csv").is_file():
        frame = pd.read_csv(file)
        found.append(made("Surge posts", frame["text"], frame["label"].str.lower().map(NAMED)))
    return found


def judged(given: Set, rows: Bools, score: Floats, label: Ints, seconds: float) -> dict[str, Any]:
    """Return the figures of one scorer on some rows."""
    from scipy.stats import spearmanr
    from sklearn.metrics import f1_score

    true = given.label[rows]
    constant = bool((score == score[0]).all())
    rank = float("nan") if constant else float(spearmanr(score, given.score[rows]).statistic)
    names = sorted({*true.tolist()})
    return {
        "accuracy": round(float((label == true).mean()), 3),
        "macro_f1": round(float(f1_score(true, label, average="macro", labels=names)), 3),
        "spearman": round(rank, 3),
        "texts_per_second": round(rows.sum() / seconds) if seconds else None,
    }


def ruled(given: Set, rows: Bools, scorer: Scorer) -> dict[str, Any]:
    """Return the figures of a scorer whose scores within ± ``CUT`` are neutral; a set without
    neutral texts takes the sign."""
    texts = [text for text, row in zip(given.texts, rows, strict=True) if row]
    scorer.score(texts[:10])
    begun = time.perf_counter()
    score = np.array([each.score for each in scorer.score(texts)])
    seconds = time.perf_counter() - begun
    cut = CUT if (given.label == 0).any() else 0.0
    label = (score > cut).astype(int) - (score < -cut).astype(int)
    return judged(given, rows, score, label, seconds)


class Classifier(Protocol):
    """A scorer that tells the chances of the three classes."""

    def probabilities(self, texts: Sequence[str]) -> Floats: ...


def classed(given: Set, rows: Bools, model: Classifier) -> dict[str, Any]:
    """Return the figures of a scorer that names the likeliest class; a set without neutral texts
    takes the likelier of the other two."""
    texts = [text for text, row in zip(given.texts, rows, strict=True) if row]
    model.probabilities(texts[:10])
    begun = time.perf_counter()
    chances = model.probabilities(texts)
    seconds = time.perf_counter() - begun
    score = chances[:, 2] - chances[:, 0]
    label = np.asarray(chances.argmax(axis=1) - 1)
    if not (given.label == 0).any():
        label = np.where(score > 0, 1, -1)
    return judged(given, rows, score, label, seconds)


def shipped(export: Path | None = None) -> dict[str, Classifier]:
    """Return the trained scorers that can be had on this machine."""
    found: dict[str, Classifier] = {}
    if not encoder.lacks():
        found["encoder"] = encoder.load()
    if export is not None:
        found[f"export {export.name}"] = exported.load(export)
    return found


def measured(
    given: Set, trained_on: Sequence[Set], others: Mapping[str, Classifier]
) -> dict[str, Any]:
    """Return each scorer's figures on the held-out part of a set.

    :param trained_on: what a head learns from, its training part alone.
    :param others: scorers that were trained before.
    """
    held = given.held
    values, counts = np.unique(given.label[held], return_counts=True)
    share = int(values[counts.argmax()])
    same = np.full(int(held.sum()), share)
    found = {
        "majority": judged(given, held, same.astype(float), same, 0.0),
        "VADER": ruled(given, held, Lexicon(own=False)),
        "lexicon (default)": ruled(given, held, Lexicon()),
        **{name: classed(given, held, each) for name, each in others.items()},
    }
    if trained_on:
        texts: list[str] = []
        labels: list[int] = []
        mine = {clean(t).lower() for t, row in zip(given.texts, held, strict=True) if row}
        for each in trained_on:
            for text, label, row in zip(each.texts, each.label.tolist(), each.held, strict=True):
                if not row and clean(text).lower() not in mine:
                    texts.append(text)
                    labels.append(label)
        head = train(texts, labels, "bench", datetime.now(UTC))
        name = "own head" if trained_on[0] is given else f"head of {trained_on[0].name}"
        found[name] = classed(given, held, head)
    return {"texts": len(given.texts), "held_out": int(held.sum()), "scorers": found}


def section(document: dict[str, Any]) -> str:
    """Return the page's section."""
    lines = [
        BEGIN,
        "## How well texts are scored",
        "",
        "`python -m benchmarks text --data ../shared/data/sentiment --page docs/results.md`: a "
        "fifth of each set is held out by a hash of the text; the head of one's own (`freqpilot "
        "text train`) has learnt from the other four fifths, the lexicons from none. The encoder, "
        "which ships, has learnt from the other four fifths of Twitter financial news and Surge "
        "posts (both MIT) and from nothing of the other two; how it learns was chosen on a quarter "
        "of each set's four fifths. Speeds are of two cores that were busy with other work: "
        "compare them with each other only. A set of crypto headlines was left out: VADER agrees "
        "with .990 of its labels, so they are VADER's own. None of this says that sentiment "
        "predicts a price.",
        "",
        "| set (held out) | scorer | accuracy | macro-F1 | Spearman | texts a second |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, each in document["sets"].items():
        for scorer, row in each["scorers"].items():
            rank = "" if row["spearman"] is None else f"{row['spearman']:.3f}"
            speed = "" if row["texts_per_second"] is None else f"{row['texts_per_second']:,}"
            lines.append(
                f"| {name} ({each['held_out']:,}) | {scorer} | {row['accuracy']:.3f} | "
                f"{row['macro_f1']:.3f} | {rank} | {speed} |"
            )
    return "\n".join([*lines, "", END, ""])


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("text", __doc__)
    add_page_option(made)
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--export", type=Path, help="a folder that freqpilot text export wrote")
    options = made.parse_args()
    say = progress()
    given, others = sets(options.data), shipped(options.export)
    figures = {}
    for each in given:
        # The smallest set is too small to learn from: what another one teaches is tried on it.
        enough = len(each.texts) > 900
        figures[each.name] = measured(each, [each] if enough else given[:1], others)
        say(f"{each.name} {figures[each.name]}")
    result = Result("text", {"sets": finite(figures)}, about={"synthetic": False})
    return finish(result, options, section(dict(result.figures)))


if __name__ == "__main__":
    sys.exit(main())
