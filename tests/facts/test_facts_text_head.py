"""A head of one's own: trained, kept, read back; what is changed is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text import head, labelled
from freqpilot.facts.text.scorer import model_of

NOW = datetime(2024, 5, 1, tzinfo=UTC)
GOOD = ["zorp wins the deal", "zorp doubles its output", "great zorp today", "zorp zorp"]
BAD = ["blick loses the deal", "blick halves its output", "awful blick today", "blick blick"]
FLAT = ["the deal is signed", "output report", "today is monday", "meeting notes"]
TEXTS = [f"{text} {n}" for text in GOOD + FLAT + BAD for n in range(10)]
LABELS = [label for label in (1, 0, -1) for _ in range(40)]


@pytest.fixture(scope="module")
def trained() -> head.Head:
    return head.train(TEXTS, LABELS, "mine", NOW)


def test_it_learns_what_the_lexicon_cannot_know(trained: head.Head) -> None:
    good, flat, bad, empty = trained.score(["zorp", "notes of a meeting", "blick", ""])
    assert good.score > 0.3 > flat.score > -0.3 > bad.score
    assert all(-1 <= each.score <= 1 and 0 < each.confidence <= 1 for each in (good, bad, empty))
    assert trained.score([]) == []
    np.testing.assert_allclose(trained.probabilities(TEXTS[:5]).sum(axis=1), 1.0)
    # A text's score does not depend on those beside it.
    assert trained.score(["zorp", "blick"])[1] == trained.score(["blick"])[0]


def test_it_is_read_back_as_it_was(trained: head.Head, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    head.save(trained, file)
    again = head.load(file)
    assert again.score(TEXTS[:9]) == trained.score(TEXTS[:9])
    assert (again.name, again.known_from, model_of(again)) == ("mine", NOW, model_of(trained))
    assert model_of(trained) == f"mine-{trained.digest[:8]}"
    assert head.train(TEXTS, LABELS, "mine", NOW).digest == trained.digest
    assert [each.name for each in tmp_path.iterdir()] == ["head.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "0" * 64},
        {"bias": [0, 0, 1]},
        {"trained_at": "2020-01-01T00:00:00+00:00"},
        {"trained_at": "2020-01-01"},
        {"name": "../x"},
        {"lexicon": "0"},
        {"columns": [10**9]},
        {"weights": "x"},
        {"format": 9},
    ],
    ids=str,
)
def test_what_was_changed_is_refused(
    trained: head.Head, tmp_path: Path, change: dict[str, object]
) -> None:
    file = tmp_path / "head.json"
    head.save(trained, file)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(RefuseToStart, match=r"cannot be used.*open trades are untouched"):
        head.load(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"digest": 1}'])
def test_what_is_no_head_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "head.json"
    with pytest.raises(RefuseToStart, match="cannot be used"):
        head.load(file)
    file.write_text(text)
    with pytest.raises(RefuseToStart, match="cannot be used"):
        head.load(file)


def test_too_little_is_refused() -> None:
    with pytest.raises(RefuseToStart, match=r"too few.*negative \(29\)"):
        head.train(TEXTS[:109], LABELS[:109], "mine", NOW)
    for name in ("", "Mine", "lexicon", "a.b", "a/b"):
        with pytest.raises(RefuseToStart, match="no name"):
            head.train(TEXTS, LABELS, name, NOW)


def test_labels_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("text,label\nNA,positive\nb,Bearish\nc,0\n")
    assert labelled.read(file) == (["NA", "b", "c"], [1, -1, 0])
    file.write_text("text,score\na,0.2\nb,-.5\nc,0.05\n")
    assert labelled.read(file).labels == [1, -1, 0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("text,label\na,fine\n", "line 2: 'fine' is no label"),
        ("text,score\na,0\nb,7\n", "line 3"),
        ("text,score\na,nan\n", "line 2"),
        ("text\na\n", "needs the columns"),
        ("", "cannot be read"),
    ],
)
def test_bad_labels_are_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(RefuseToStart, match=told):
        labelled.read(file)
