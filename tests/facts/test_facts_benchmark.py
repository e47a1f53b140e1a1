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
from benchmarks.support.result import Result, exactly
from freqpilot.facts.join import Observations, States, states


def test_it_runs_small(tmp_path: Path) -> None:
    result = facts_join.measure(4000, tmp_path)
    assert result.parity
    assert result.figures["facts"] == 4000
    assert result.about["synthetic"]


def test_it_runs_small_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    result = facts_join.measure(4000, tmp_path, postgres_url)
    assert result.parity
    assert result.about["database"] == "postgresql"
    assert result.figures["facts"] == 4000
    with pytest.raises(SystemExit, match="holds facts already"):
        facts_join.measure(4000, tmp_path, postgres_url)


def test_a_join_that_sees_the_future_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(found: Observations) -> States:
        return states(Observations(found.event, np.array(found.event), found.value))

    monkeypatch.setattr(facts_join, "states", hasty)
    assert not facts_join.measure(4000, tmp_path).parity


def test_one_command_runs_every_part_in_each_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], postgres: Cluster
) -> None:
    urls: list[str | None] = []

    def collected(*given: Any) -> Result:
        urls.append(given[-1])
        return Result("collector", {}, {"DOUBLED": exactly(len(urls) - 1, 0)}, strict=True)

    monkeypatch.setattr(collector, "measure", collected)
    monkeypatch.setattr(facts_text, "measure", lambda data: Result("", {"read": str(data)}))
    monkeypatch.setattr(facts, "cluster", lambda settings: nullcontext(postgres))
    monkeypatch.setattr(sys, "argv", ["facts", "--json", "--rows", "2000", "--texts", "x"])
    status = facts.main()
    document = json.loads(capsys.readouterr().out)
    figures = document["figures"]
    assert {*figures} == {"join", "collector", "text"}
    assert figures["text"] == {"texts": {"read": "x"}}
    assert {*figures["join"]} == {*figures["collector"]} == {"sqlite", "postgresql"}
    assert (urls[0], str(urls[1])[:13]) == (None, "postgresql://")
    # The second run doubled something.
    assert document["sound"] == {"join": True, "collector": False, "text": True}
    assert document["targets"]["collector, postgresql: DOUBLED"]["value"] == 1
    assert (status, document["parity"]) == (1, False)
