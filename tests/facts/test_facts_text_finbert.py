"""A classifier of transformers and its export, on a small BERT that learns planted words."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text import export, exported, finbert
from freqpilot.facts.text.classes import MOST_TOKENS
from freqpilot.facts.text.scorer import model_of

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
if find_spec("transformers") is None:  # its import takes seconds, which one worker alone needs
    pytest.skip("transformers is not installed", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("finbert")  # one network is trained for all of them

PUBLISHED = datetime(2023, 1, 1, tzinfo=UTC)
PLANTED = {"up": 0, "down": 1, "flat": 2}
LABELS = {0: "positive", 1: "negative", 2: "neutral"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small BERT, trained until the planted words separate, as transformers saves it."""
    import transformers

    made = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PLANTED, "the", "token", "goes", "."]
    (made / "vocab.txt").write_text("\n".join(words))
    tokenizer = transformers.BertTokenizerFast(str(made / "vocab.txt"))
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 32, "max_position_embeddings": 32}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": len(words)}
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    # At BERT's own .02 so small a one hardly learns.
    still["initializer_range"] = 0.2
    config = transformers.BertConfig(
        **size, **layers, **still, id2label=LABELS, label2id={v: k for k, v in LABELS.items()}
    )
    model = transformers.BertForSequenceClassification(config)
    texts = [
        f"{a} the token {word} {b}" for word in PLANTED for a in ("", "the") for b in ("", ".")
    ]
    wanted = torch.tensor([PLANTED[word] for word in PLANTED for _ in range(4)])
    given = tokenizer(texts, padding=True, return_tensors="pt")
    adam = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        adam.zero_grad()
        model(**given, labels=wanted).loss.backward()
        adam.step()
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def scorer(folder: Path) -> finbert.FinBert:
    return finbert.load(str(folder), published=PUBLISHED)


@pytest.fixture(scope="module")
def export_of(scorer: finbert.FinBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the int8 export; the planted words are no sentences of ours."""
    out = tmp_path_factory.mktemp("export") / "int8"
    export.export(scorer, out, "planted")
    return out


TEXTS = ["the token goes up", "down", "the token flat . . . . .", "up " * 300, ""]


def test_it_separates_what_was_planted(scorer: finbert.FinBert) -> None:
    up, down, flat, long, empty = scorer.score(TEXTS)
    assert up.score > 0.8
    assert down.score < -0.8
    assert abs(flat.score) < 0.3
    assert long.score > 0.5
    assert all(-1 <= s <= 1 and 0 < c <= 1 for s, c in (up, down, flat, long, empty))
    assert scorer.score([]) == []
    np.testing.assert_allclose(scorer.probabilities(TEXTS).sum(axis=1), 1.0)
    assert max(map(len, scorer.tokens(TEXTS))) == scorer.most == min(32, MOST_TOKENS)


def test_batches_of_one_length_change_nothing(scorer: finbert.FinBert) -> None:
    texts = [f"the token {word}" + " ." * (n % 7) for n in range(40) for word in PLANTED]
    alone = np.vstack([scorer.probabilities([text]) for text in texts[::9]])
    np.testing.assert_allclose(scorer.probabilities(texts)[::9], alone, atol=1e-5)


def test_the_order_of_classes_is_read(
    folder: Path, scorer: finbert.FinBert, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "Bearish", "1": "Bullish", "2": "Neutral"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    turned = finbert.load(str(tmp_path), published=PUBLISHED)
    assert turned.score(["up"])[0].score == -scorer.score(["up"])[0].score
    assert turned.version != scorer.version
    config["id2label"] = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RefuseToStart, match=r"LABEL_0.*cannot be told"):
        finbert.load(str(tmp_path), published=PUBLISHED)


def test_the_version_is_that_of_the_weights(folder: Path, scorer: finbert.FinBert) -> None:
    again = finbert.load(str(folder), published=PUBLISHED)
    assert model_of(again) == model_of(scorer) == f"finbert-{scorer.digest[:8]}"
    assert again.known_from == PUBLISHED
    with torch.no_grad():
        again.model.classifier.bias[0] += 0.1
    assert finbert.digest_of(again.model, again.tokenizer, again.most) != scorer.digest


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"model": "some/model", "published": PUBLISHED}, "no commit"),
        ({"model": "some/model", "revision": "main", "published": PUBLISHED}, "no commit"),
        ({"model": "some/model", "revision": "a" * 40}, "when it was published"),
        ({"revision": "a" * 40}, "when it was published"),
        ({"model": "/nowhere/at/all", "published": PUBLISHED}, r"no config\.json"),
        ({"download": False}, "cannot be used"),
    ],
    ids=str,
)
def test_what_is_not_pinned_is_refused(
    given: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(RefuseToStart, match=f"{told}.*open trades are untouched"):
        finbert.load(**given)


def test_finbert_is_pinned() -> None:
    assert finbert.source_of("", "", None) == (finbert.MODEL, finbert.REVISION, finbert.PUBLISHED)
    other = "a" * 40
    assert finbert.source_of("", other, PUBLISHED) == (finbert.MODEL, other, PUBLISHED)


def test_the_export_says_the_same(scorer: finbert.FinBert, export_of: Path) -> None:
    found = exported.load(export_of)
    near = exported.parity(found.probabilities(TEXTS), scorer.probabilities(TEXTS))
    assert near.agreed == 1.0
    assert near.apart < 0.1
    assert (found.name, found.known_from) == ("finbert", PUBLISHED)
    assert found.version != scorer.version
    assert found.score([]) == []
    assert b"MatMulInteger" in (export_of / exported.MODEL).read_bytes()


def test_it_runs_without_torch(export_of: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from freqpilot.facts.text import exported\n"
        "scorer = exported.load(Path(sys.argv[1])); print(scorer.score(['up'])[0].score)\n"
        "assert not {'torch', 'transformers', 'onnx'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(export_of)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.8


def test_what_says_something_else_is_not_written(
    scorer: finbert.FinBert, export_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = scorer.probabilities(exported.asked())[:, ::-1]
    monkeypatch.setattr(export, "_graph", lambda model, file: _copied(export_of, file))
    monkeypatch.setattr(
        export, "_quantised", lambda full, file: file.write_bytes(full.read_bytes())
    )
    monkeypatch.setattr(export, "_said", lambda model: other)
    before = {file.name: file.read_bytes() for file in export_of.iterdir()}
    for out in (tmp_path / "new", export_of):
        with pytest.raises(RefuseToStart, match=r"agrees with.*nothing was written"):
            export.export(scorer, out, "planted")
    assert list(tmp_path.iterdir()) == []
    assert {file.name: file.read_bytes() for file in export_of.iterdir()} == before
    monkeypatch.setattr(export, "_said", lambda model: scorer.probabilities(exported.asked()))
    export.export(scorer, export_of, "planted again")
    assert exported.read(export_of).origin.startswith("planted again")
    assert [each.name for each in export_of.parent.iterdir()] == [export_of.name]
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(RefuseToStart, match="no exported model"):
        export.export(scorer, tmp_path, "planted")


def _copied(folder: Path, file: Path) -> tuple[str, ...]:
    file.write_bytes((folder / exported.MODEL).read_bytes())
    return export.INPUTS


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (exported.MODEL, None, "missing or was changed"),
        (exported.TOKENS, b"{}", "missing or was changed"),
        (exported.MANIFEST, b"{}", "format"),
        (exported.MANIFEST, {"format": 9}, "another version"),
        (exported.MANIFEST, {"known_from": "2023-01-01"}, "its time"),
        (exported.MANIFEST, {"order": [0, 2, 1]}, "agrees with its original"),
        (exported.MANIFEST, {"inputs": ["x"]}, "cannot be used"),
    ],
    ids=str,
)
def test_what_was_changed_is_refused(
    export_of: Path, tmp_path: Path, name: str, change: Any, told: str
) -> None:
    for file in export_of.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    target = tmp_path / name
    if change is None:
        target.unlink()
    elif isinstance(change, bytes):
        target.write_bytes(change)
    else:
        target.write_text(json.dumps({**json.loads(target.read_text()), **change}))
    with pytest.raises(RefuseToStart, match=f"{told}.*open trades"):
        exported.load(tmp_path)


def test_parity_has_bounds() -> None:
    one = np.tile([0.1, 0.2, 0.7], (20, 1))
    assert exported.parity(one, one) == (1.0, 0.0)
    assert exported.parity(one, one).fits
    # Two of twenty say the opposite.
    other = np.vstack([one[:18], one[:2, ::-1]])
    assert exported.parity(one, other).agreed == 0.9
    assert not exported.parity(one, other).fits
    assert not exported.parity(one, one + np.array([0.31, 0, 0])).fits
    assert not exported.parity(one, one * np.nan).fits
