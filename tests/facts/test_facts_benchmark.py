"""The benchmark of facts runs, and its parity check can fail."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import facts
from freqpilot.facts.join import Observations, States, states


def test_it_runs_small(tmp_path: Path) -> None:
    document = facts.measure(4000, tmp_path)
    assert document["parity"]
    assert document["figures"]["facts"] == 4000
    assert set(document) >= {"name", "targets", "figures", "synthetic"}


def test_it_runs_small_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    document = facts.measure(4000, tmp_path, postgres_url)
    assert document["parity"]
    assert document["database"] == "postgresql"
    assert document["figures"]["facts"] == 4000
    with pytest.raises(SystemExit, match="holds facts already"):
        facts.measure(4000, tmp_path, postgres_url)


def test_a_join_that_sees_the_future_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(found: Observations) -> States:
        return states(Observations(found.event, np.array(found.event), found.value))

    monkeypatch.setattr(facts, "states", hasty)
    assert not facts.measure(4000, tmp_path)["parity"]
