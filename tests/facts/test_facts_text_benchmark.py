"""The benchmark of the scorers: what is held out is not learnt from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.facts import text
from freqpilot.facts.text import head
from freqpilot.shapes import Floats


def posts(count: int) -> text.Set:
    """Return invented texts of which a word tells the class."""
    words = {-1: "blick", 0: "so", 1: "zorp"}
    label = np.arange(count) % 3 - 1
    return text.made("posts", [f"{words[k]} news {n}" for n, k in enumerate(label)], label)


class Last:
    """Says that every text is positive."""

    def probabilities(self, texts: Sequence[str]) -> Floats:
        return np.tile([0.1, 0.2, 0.7], (len(texts), 1))


def test_a_head_is_judged_on_what_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    given = posts(300)
    seen: list[list[str]] = []

    def train(texts: list[str], *rest: Any) -> head.Head:
        seen.append(texts)
        return head.train(texts, *rest)

    monkeypatch.setattr(text, "train", train)
    found = text.measured(given, [given], {"last": Last()})
    held = {each for each, row in zip(given.texts, given.held, strict=True) if row}
    assert held.isdisjoint(seen[0])
    assert len(held) + len(seen[0]) == 300
    assert found["held_out"] == len(held) > 30
    figures = found["scorers"]
    assert figures["own head"]["accuracy"] > 0.9 > figures["lexicon (default)"]["accuracy"]
    assert figures["own head"]["spearman"] > 0.9
    share = float((given.label[given.held] == 1).mean())
    assert figures["last"]["accuracy"] == pytest.approx(share, abs=5e-4)
    assert np.isnan(figures["last"]["spearman"])
    assert np.isnan(figures["majority"]["spearman"])
    page = text.section({"sets": {"posts": text.finite(found)}})
    assert page.count("\n| posts") == 5


def test_sets_are_read_without_what_comes_twice(tmp_path: Path) -> None:
    assert text.sets(tmp_path) == []
    frame = pd.DataFrame({"text": ["a", "b", "a"], "label": ["Positive", "Negative", "Positive"]})
    frame.to_csv(tmp_path / "surge_stock_tweets_human.csv", index=False)
    (found,) = text.sets(tmp_path)
    assert (found.texts, found.label.tolist()) == (["a", "b"], [1, -1])
