"""How much faster an exported BERT scores: ``python -m benchmarks text_speed --data
../shared/data/sentiment --json``.

SYNTHETIC weights: a BERT-base (12 layers, 768) of random weights, whose speed is that of a trained
one of the same shape; what it says means nothing. Real headlines and posts, so real lengths. One
by one in fp32 by torch (as the usual pipeline does it, no padding) against batches of similar
length in int8 by ONNX Runtime, both with as many threads. That both say the same is looked at
first, then they take turns; the medians count. Exits non-zero when they differ or it is less than 3
times as fast.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.facts.text import sets
from benchmarks.support.options import parser
from benchmarks.support.result import Result, at_least, finish, progress
from freqpilot.facts.text import encoder, exported
from freqpilot.facts.text.export import export, has_vnni
from freqpilot.facts.text.finbert import FinBert
from freqpilot.facts.text.lexicon import Lexicon

TARGET = 3.0
THREADS = 2
LABELS = {0: "positive", 1: "negative", 2: "neutral"}
SHAPE = {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12}
"""BERT-base."""


def random_bert(seed: int, shape: dict[str, int]) -> FinBert:
    """Return a BERT of random weights that reads BERT's own word pieces."""
    import torch
    from tokenizers import BertWordPieceTokenizer

    # Their annotations do not fit how they are called.
    bert: Any = import_module("transformers")
    torch.manual_seed(seed)
    words = encoder.vocabulary()
    names = {"unk": "UNK", "sep": "SEP", "pad": "PAD", "cls": "CLS", "mask": "MASK"}
    tokenizer = bert.PreTrainedTokenizerFast(
        tokenizer_object=BertWordPieceTokenizer(words, lowercase=True)._tokenizer,
        **{f"{name}_token": f"[{sign}]" for name, sign in names.items()},
    )
    config = bert.BertConfig(
        vocab_size=len(words),
        intermediate_size=4 * shape["hidden_size"],
        id2label=LABELS,
        label2id={name: place for place, name in LABELS.items()},
        **shape,
    )
    return FinBert(bert.BertForSequenceClassification(config), tokenizer, datetime.now(UTC))


def chosen(data: Path, count: int) -> list[str]:
    """Return texts of all sets in turn, so of all their lengths."""
    rng = np.random.default_rng(7)
    given = sets(data)
    picked = [each.texts[at] for each in given for at in rng.permutation(len(each.texts))[:count]]
    return [picked[at] for at in rng.permutation(len(picked))[:count]]


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(texts: list[str], turns: int, shape: dict[str, int], threads: int = THREADS) -> Result:
    """Compare and time."""
    import torch

    torch.set_num_threads(threads)
    model = random_bert(7, shape)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "bert"
        exporting = seconds(lambda: export(model, folder, "random", check=False))
        fast = exported.opened(folder, exported.read(folder), threads)
        size = (folder / exported.MODEL).stat().st_size
        # Of what is random, classes are a toss: scores are compared.
        wanted, found = model.probabilities(texts), fast.probabilities(texts)
        near = exported.parity(found, wanted)
        slow: list[float] = []
        quick: list[float] = []
        plain: list[float] = []
        for _ in range(turns):
            slow.append(seconds(lambda: [model.score([text]) for text in texts]))
            plain.append(seconds(lambda: model.score(texts)))
            quick.append(seconds(lambda: fast.score(texts)))
    times = {"one": statistics.median(slow), "batched": statistics.median(plain)}
    times["int8"] = statistics.median(quick)
    ratio = times["one"] / times["int8"]
    lengths = [len(each) for each in model.tokens(texts)]
    return Result(
        "text_speed",
        parity=bool(near.apart <= exported.MOST_APART),
        targets={"int8 batched over fp32 one by one": at_least(ratio, TARGET)},
        figures={
            "texts": len(texts),
            "tokens: median, most": [int(statistics.median(lengths)), max(lengths)],
            "threads": threads,
            "vnni": has_vnni(),
            "scores apart at most": round(near.apart, 4),
            "texts a second": {
                "fp32 one by one": round(len(texts) / times["one"], 1),
                "fp32 batched": round(len(texts) / times["batched"], 1),
                "int8 batched": round(len(texts) / times["int8"], 1),
                **_others(texts),
            },
            "slowest and fastest turn, ratio": [
                round(min(slow) / max(quick), 2),
                round(max(slow) / min(quick), 2),
            ],
            "int8 model, MB": round(size / 1e6, 1),
            "export, s": round(exporting, 1),
        },
        about={"synthetic": True},
        strict=True,
    )


def _others(texts: list[str]) -> dict[str, float]:
    """Return the speed of the scorers that ship."""
    lexicon = Lexicon()
    found = {"lexicon": round(len(texts) / seconds(lambda: lexicon.score(texts)), 1)}
    if not encoder.lacks():
        scorer = encoder.load()
        scorer.score(texts[:10])
        found["encoder"] = round(len(texts) / seconds(lambda: scorer.score(texts)), 1)
    return found


def main() -> int:
    """Measure and print; returns the exit status."""
    made = parser("text_speed", __doc__)
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--texts", type=int, default=64)
    made.add_argument("--turns", type=int, default=3)
    made.add_argument("--threads", type=int, default=THREADS, help="1 where others work too")
    given = made.parse_args()
    progress()("SYNTHETIC weights, real texts")
    found = measure(chosen(given.data, given.texts), given.turns, SHAPE, given.threads)
    return finish(found, given)


if __name__ == "__main__":
    sys.exit(main())
