"""The benchmarks of texts' speed and of what ships: they run, and they can fail."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.facts import facts_text, text, text_speed
from freqpilot.facts.text.sentences import sentences

SMALL = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2,
    "max_position_embeddings": 128,
}  # fmt: skip


def test_it_runs_small() -> None:
    pytest.importorskip("onnxscript")
    result = text_speed.measure(sentences(("It",))[0][:6], 1, SMALL, threads=1)
    assert result.about["synthetic"]
    assert result.parity
    assert result.figures["scores apart at most"] < 0.05
    assert all(speed > 0 for speed in result.figures["texts a second"].values())
    (target,) = result.targets.values()
    assert target.ok == (target.value >= text_speed.TARGET)
    assert result.ok == target.ok, "one that is too slow has failed"
    assert not replace(result, parity=False).ok


def test_texts_are_of_all_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [text.made(name, [f"{name} {n}" for n in range(40)], [0] * 40) for name in "abc"]
    monkeypatch.setattr(text_speed, "sets", lambda data: given)
    found = text_speed.chosen(Path(), 30)
    assert len(set(found)) == 30
    assert {each[0] for each in found} == {"a", "b", "c"}
    assert found == text_speed.chosen(Path(), 30)


def test_better_is_better_in_every_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    means = {facts_text.LEXICON: dict.fromkeys(facts_text.FIGURES, 0.5)}
    assert not facts_text.better(means)
    best = dict.fromkeys(facts_text.FIGURES, 0.6)
    assert facts_text.better({**means, facts_text.BEST: best})
    assert not facts_text.better({**means, facts_text.BEST: {**best, "spearman": 0.5}})
    assert not facts_text.better({**means, facts_text.BEST: {**best, "spearman": float("nan")}})
    gone = facts_text.measure(tmp_path / "gone")
    assert (gone.figures, gone.ok) == ({"missing": str(tmp_path / "gone")}, False)


def test_what_ships_is_compared_with_the_lexicon(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = {-1: "Negative", 1: "Positive"}
    label = np.arange(200) % 2 * 2 - 1
    rows = {"text": [f"{words[k]} zorp {n}" for n, k in enumerate(label)]}
    rows["label"] = [words[k] for k in label]
    pd.DataFrame(rows).to_csv(tmp_path / "surge_stock_tweets_human.csv", index=False)

    class Knows:
        def probabilities(self, texts: list[str]) -> Any:
            up = np.array([each.startswith("Positive") for each in texts], dtype=float)
            return np.column_stack([1 - up, 0 * up, up])

    monkeypatch.setattr(text, "shipped", lambda: {"encoder": Knows()})
    found = facts_text.quality(tmp_path)
    assert found["means"]["encoder"]["accuracy"] == 1.0
    assert set(found["sets"]) == {"Surge posts"}
    monkeypatch.setattr(text, "shipped", dict)
    assert not facts_text.quality(tmp_path)["ok"]


@pytest.mark.realdata
def test_the_encoder_beats_the_lexicon_where_it_has_learnt_nothing(realdata: Path) -> None:
    from freqpilot.facts.text import encoder

    if encoder.lacks():
        pytest.skip("the extra text is not installed")
    (given,) = [
        each for each in text.sets(realdata / "sentiment") if each.name == "Financial PhraseBank"
    ]
    rows = given.held & (np.arange(len(given.texts)) % 3 == 0)
    found = text.classed(given, rows, encoder.load())
    other = text.ruled(given, rows, text.Lexicon())
    assert found["accuracy"] > other["accuracy"] + 0.05
    assert found["macro_f1"] > other["macro_f1"] + 0.03
