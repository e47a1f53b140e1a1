"""Trains the head that ships with the encoder:
``python -m benchmarks text_head --data ../shared/data/sentiment``.

It learns from two sets whose licence (MIT) lets trained weights be passed on, and from sentences of
our own: Twitter financial news (Ricky Costa, 11,932 texts of which the training split is used) and
Surge AI's stock posts. What ``benchmarks.facts.text`` holds out is left out here too. Classes count
alike whatever their share, as the share of neutral texts differs from source to source.

Strength, weights and that prior were chosen, among thirty, on a quarter of the training parts of
all four sets; from Financial PhraseBank and FiQA nothing is learnt. What is held out had no say.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.facts.text import Set, sets
from benchmarks.support.options import parser
from benchmarks.support.result import Result, finish
from freqpilot.facts.text import encoder
from freqpilot.facts.text.lexicon import VERSION
from freqpilot.facts.text.sentences import sentences
from freqpilot.shapes import Floats, Ints

WEIGHTS = {"Twitter financial news": 1.0, "Surge posts": 3.0}
OWN = 3.0
"""Weight of a text of a set, and of a sentence of ours."""
STRENGTH = 0.03
SCALES = (8.0, 4.0)
"""Of embeddings and of what the lexicon says, under one ridge penalty."""
KNOWN_FROM = datetime(2023, 1, 1, tzinfo=UTC)
"""The encoder is of 2021, both sets were public in 2022."""
CREDITS = [
    "Twitter Financial News sentiment, training split, by Ricky Costa, MIT",
    "Stock sentiment, copyright (c) 2022 Surge AI, MIT",
    "sentences of Freqpilot",
]


def fit(table: Floats, label: Ints, weight: Floats) -> tuple[Floats, Floats]:
    """Return the weights (features, 3) and bias of a head whose classes are equally likely."""
    from sklearn.linear_model import LogisticRegression

    scale = np.r_[np.full(encoder.DIMENSIONS, SCALES[0]), np.full(encoder.EXTRA, SCALES[1])]
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(table * scale, label, sample_weight=weight)
    share = np.array([weight[label == each].sum() for each in (-1, 0, 1)])
    return model.coef_.T * scale[:, None], model.intercept_ - np.log(share / share.sum())


def train(given: list[Set]) -> dict[str, object]:
    """Return the document that :mod:`freqpilot.facts.text.encoder` reads."""
    texts, labels = sentences()
    weights = [OWN] * len(texts)
    for each in given:
        for text, label, held in zip(each.texts, each.label.tolist(), each.held, strict=True):
            if each.name in WEIGHTS and not held:
                texts.append(text)
                labels.append(label)
                weights.append(WEIGHTS[each.name])
    embed = encoder.Embedder(encoder.encoder_file())
    table, bias = fit(encoder.features(texts, embed), np.array(labels), np.array(weights))
    return {
        "format": encoder.FORMAT,
        "lexicon": VERSION,
        "encoder": encoder.DIGEST,
        "known_from": KNOWN_FROM.isoformat(),
        "trained_on": CREDITS,
        "weights": table.round(4).tolist(),
        "bias": bias.round(4).tolist(),
    }


def main() -> int:
    """Train and write; returns the exit status."""
    made = parser("text_head", __doc__)
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--out", type=Path, default=encoder.HEAD)
    options = made.parse_args()
    given = sets(options.data)
    if missing := WEIGHTS.keys() - {each.name for each in given}:
        made.error(f"{options.data} lacks {', '.join(sorted(missing))}")
    options.out.write_text(json.dumps(train(given)) + "\n", encoding="utf-8")
    texts = {each.name: len(each.texts) for each in given if each.name in WEIGHTS}
    return finish(Result("text_head", {"written": str(options.out), "texts": texts}), options)


if __name__ == "__main__":
    sys.exit(main())
