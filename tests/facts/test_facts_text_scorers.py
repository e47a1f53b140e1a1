"""Which scorer a configuration names, what doctor says of it, and its export."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from freqpilot import cli
from freqpilot.errors import RefuseToStart
from freqpilot.facts.items import append_items
from freqpilot.facts.items import items as read_items
from freqpilot.facts.store import FactStore
from freqpilot.facts.text import encoder, exported, finbert, head, scorers
from freqpilot.facts.text.classes import Order
from freqpilot.facts.text.command import scorer_of, step_of, text_source
from freqpilot.facts.text.scorer import model_of
from freqpilot.host.commands import doctor
from freqpilot.settings import Settings
from freqpilot.shapes import Item

PUBLISHED = datetime(2023, 1, 1, tzinfo=UTC)
COMMIT = "a" * 40


def settings(**text: Any) -> Settings:
    given = {"enabled": True, **text}
    return Settings.from_config({"freqpilot": {"facts": {"text": given}}})


def fake_export(folder: Path, name: str = "mine") -> Path:
    """Write the manifest of an export whose model is not there."""
    folder.mkdir()
    said = ((0.1, 0.2, 0.7),) * len(exported.asked())
    document = {
        "name": name, "origin": "x", "known_from": PUBLISHED.isoformat(), "order": Order(0, 1, 2),
        "pad": 0, "inputs": ["input_ids"], "precision": "int8", "format": exported.FORMAT,
        "digests": {exported.MODEL: "0", exported.TOKENS: "0"}, "said": said,
    }  # fmt: skip
    (folder / exported.MANIFEST).write_text(json.dumps(document))
    return folder


def examined(tmp_path: Path, **text: Any) -> str:
    return scorers.examine(settings(**text).facts.text, tmp_path)


def test_the_lexicon_is_the_default(tmp_path: Path) -> None:
    assert examined(tmp_path) == "lexicon-1 scores texts"
    assert "not scored" in examined(tmp_path, enabled=False, scorer="finbert")
    assert text_source(settings(), tmp_path) == "text"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ({"scorer": "encodr"}, "'encodr' is not known; known are 'lexicon', 'encoder'"),
        ({"scorer": "encoder", "head": "x.json"}, "exclude each other"),
        ({"scorer": "encoder", "model": "x"}, 'scorer "finbert"'),
        ({"known_from": "2023-01-01"}, 'scorer "finbert"'),
        ({"revison": COMMIT}, "did you mean 'revision'"),
    ],
)
def test_what_does_not_fit_is_named(text: dict[str, Any], told: str) -> None:
    with pytest.raises(RefuseToStart, match=told):
        settings(**text)


@pytest.mark.skipif(bool(encoder.lacks()), reason="the extra text is not installed")
def test_the_encoder_scores_what_was_collected(tmp_path: Path) -> None:
    given = settings(scorer="encoder", every=1440)
    assert examined(tmp_path, scorer="encoder").endswith("known from 2023-01-01")
    store = FactStore.open(f"sqlite:///{tmp_path}/facts.sqlite")
    step = step_of(store, given, tmp_path)
    assert step is not None
    public = datetime(2023, 1, 1, tzinfo=UTC)
    before, after = public - timedelta(hours=9), public + timedelta(hours=9)
    texts = {before: "Bitcoin orders dry up, worst year so far", after: "Bitcoin profit doubled"}
    items = [Item("rss.a", f"{at}", "*", text, at, at) for at, text in texts.items()]
    now = public + timedelta(days=1)
    append_items(store, items, now)
    step.run(now)
    kept = read_items(store, "BTC", before - timedelta(1), now, model_of(encoder.load()))
    store.close()
    # Of a text from before the model was public nothing was known until then.
    known = {each.event_time: each.available_at for each in kept}
    assert known == {before: public, after: after + timedelta(minutes=1)}
    assert {each.event_time: np.sign(each.score) for each in kept} == {before: -1, after: 1}
    assert text_source(given, tmp_path) == "text.encoder"


def test_doctor_tells_what_a_model_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(finbert, "NEEDED", ())
    with pytest.raises(RefuseToStart, match=r"ProsusAI/finbert is not on this machine yet"):
        examined(tmp_path, scorer="finbert")
    monkeypatch.setattr(finbert, "NEEDED", ("no_such_package",))
    with pytest.raises(RefuseToStart, match=r"no_such_package missing: pip.*freqpilot\[finbert\]"):
        examined(tmp_path, scorer="finbert")
    with pytest.raises(RefuseToStart, match="when it was published"):
        examined(tmp_path, scorer="finbert", model="some/model", revision=COMMIT)
    with pytest.raises(RefuseToStart, match="no commit"):
        examined(tmp_path, scorer="finbert", model="a/b", revision="main", known_from="2023-01-01")
    with pytest.raises(RefuseToStart, match=r"no config\.json"):
        examined(tmp_path, scorer="finbert", model="./gone", known_from="2023-01-01")
    monkeypatch.setattr(encoder, "NEEDED", ("no_such_package",))
    assert "no_such_package missing" in encoder.lacks()


def test_doctor_has_a_line_for_texts(tmp_path: Path) -> None:
    text = {"enabled": True, "head": "gone.json"}
    config = {"user_data_dir": tmp_path, "freqpilot": {"facts": {"text": text}}}
    line = doctor._run("texts", lambda: doctor._texts(config))
    assert not line.ok
    assert "the head" in line.detail
    assert "text train" in line.detail


def test_a_relative_folder_counts_from_user_data(tmp_path: Path) -> None:
    fake_export(tmp_path / "fast")
    given = settings(scorer="finbert", model="fast")
    # The name is told without loading anything.
    assert text_source(given, tmp_path) == "text.mine"
    with pytest.raises(RefuseToStart, match="missing or was changed"):
        scorer_of(given, tmp_path)
    (tmp_path / "fast" / exported.MANIFEST).write_text("{}")
    assert text_source(given, tmp_path) == "text"


def test_an_export_is_named_well(tmp_path: Path) -> None:
    fake_export(tmp_path / "fast")
    given = settings(scorer="finbert", model="fast").facts.text
    with pytest.raises(RefuseToStart, match="is an export already"):
        scorers.export(given, tmp_path, tmp_path / "out", "mine", "int8")
    for name in ("lexicon", "encoder", "A b"):
        with pytest.raises(RefuseToStart, match=f"{name!r} is no name"):
            scorers.export(settings().facts.text, tmp_path, tmp_path / "out", name, "int8")
    with pytest.raises(RefuseToStart, match="no name"):
        head.train([], [], "encoder", PUBLISHED)


def test_the_command_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from freqpilot.facts.text import export

    seen: list[Any] = []
    monkeypatch.setattr(finbert, "load", lambda *given, **named: seen.append((given, named)))

    def write(*given: Any) -> exported.Parity:
        seen.append(given[1:])
        return exported.Parity(0.99, 0.05)

    monkeypatch.setattr(export, "export", write)
    out = tmp_path / "out"
    done = CliRunner().invoke(cli.app, ["text", "export", "-o", str(out), "--precision", "fp32"])
    assert done.exit_code == 0, done.output
    assert "99.0%" in done.output
    assert seen == [(("", "", None), {"name": "finbert"}), (out, finbert.MODEL, "fp32")]
