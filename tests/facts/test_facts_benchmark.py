"""The benchmark of facts runs, and its parity check can fail."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.facts import collector, facts_join, facts_text
from benchmarks.facts import parts as facts
from benchmarks.support.postgres import Cluster
from freqpilot.facts.join import Observations, States, states


def test_it_runs_small(tmp_path: Path) -> None:
    document = facts_join.measure(4000, tmp_path)
    assert document["parity"]
    assert document["figures"]["facts"] == 4000
    assert set(document) >= {"name", "targets", "figures", "synthetic"}


def test_it_runs_small_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    document = facts_join.measure(4000, tmp_path, postgres_url)
    assert document["parity"]
    assert document["database"] == "postgresql"
    assert document["figures"]["facts"] == 4000
    with pytest.raises(SystemExit, match="holds facts already"):
        facts_join.measure(4000, tmp_path, postgres_url)


def test_a_join_that_sees_the_future_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(found: Observations) -> States:
        return states(Observations(found.event, np.array(found.event), found.value))

    monkeypatch.setattr(facts_join, "states", hasty)
    assert not facts_join.measure(4000, tmp_path)["parity"]


def test_one_command_runs_every_part_in_each_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postgres: Cluster
) -> None:
    urls: list[str | None] = []

    def collected(*given: Any) -> dict[str, Any]:
        urls.append(given[-1])
        return {"LOST": 0, "DOUBLED": len(urls) - 1, "WRONG": 0}

    monkeypatch.setattr(collector, "measure", collected)
    monkeypatch.setattr(facts_text, "measure", lambda data: ({"read": str(data)}, True))
    monkeypatch.setattr(facts, "cluster", lambda settings: nullcontext(postgres))
    monkeypatch.setattr(sys, "argv", ["facts", "--json", "--rows", "2000", "--texts", "x"])
    with pytest.raises(SystemExit) as ended:
        facts.main()
    document = json.loads(capsys.readouterr().out)
    assert {*document["parts"]} == {"join", "collector", "text"}
    assert document["parts"].pop("text") == {"read": "x", "ok": True}
    for part in document["parts"].values():
        assert {*part} == {"sqlite", "postgresql", "ok"}
    assert document["parts"]["join"]["ok"]
    assert (urls[0], str(urls[1])[:13]) == (None, "postgresql://")
    # The second run doubled something.
    assert (ended.value.code, document["ok"], document["parts"]["collector"]["ok"]) == (
        *(1, False, False),
    )
