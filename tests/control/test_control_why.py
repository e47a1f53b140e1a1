"""``freqpilot why``: the recorded decision in plain words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control.why import explain
from freqpilot.shapes import Decision
from freqpilot.store import open_store

DECISION = Decision(
    pair="SOL/USDT",
    time=datetime(2026, 1, 1, 14, tzinfo=UTC),
    side="long",
    composite=0.61,
    confidence=0.74,
    coverage=0.41,
    contributions={
        "mean_reversion": -0.05,
        "technical_trend": 0.36,
        "technical_momentum": 0.30,
        "pattern_recognition": 0.0,
    },
    reasons=(
        "technical trend for a rise (+0.36)",
        "mean reversion against a rise (-0.05)",
        "regime trending bullish (0.83), mean reversion ×0.7, technical momentum ×1.3",
    ),
)
LINES = [
    "Trade 12: long SOL/USDT, decided on the candle that closed 2026-01-01 14:00 UTC.",
    "The analysts together said +0.61 (−1 a fall, +1 a rise) and were 74% sure. Those that had "
    "something to say hold 41% of the table's weight.",
    "For the trade: technical trend +0.36, technical momentum +0.30",
    "Against it: mean reversion −0.05",
    "Neutral or silent: pattern recognition",
    "Regime trending bullish (0.83), mean reversion ×0.7, technical momentum ×1.3.",
]


def test_a_decision_in_words() -> None:
    assert explain(12, DECISION) == LINES


def test_for_a_short_a_fall_speaks_for_the_trade() -> None:
    from dataclasses import replace

    lines = explain(3, replace(DECISION, side="short", composite=float("nan"), reasons=()))
    assert "said unknown" in lines[1]
    assert lines[2] == "For the trade: mean reversion −0.05"
    assert lines[-1] == "Neutral or silent: pattern recognition"


def test_the_command_reads_the_store(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}")
    store.save_state("ledger live", {}, DECISION.time)
    store.add_decision(12, DECISION)
    store.close()
    done = CliRunner().invoke(app, ["why", "12", "--userdir", str(tmp_path)])
    assert done.exit_code == 0
    assert done.output.splitlines() == [f"store: {tmp_path / 'freqpilot.sqlite'}", *LINES]


@pytest.mark.parametrize("trade", ["13", "0"])
def test_a_trade_without_a_decision_says_what_it_may_be(tmp_path: Path, trade: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'freqpilot.sqlite'}")
    store.save_state("ledger live", {}, DECISION.time)
    store.close()
    done = CliRunner().invoke(app, ["why", trade, "--userdir", str(tmp_path)])
    assert done.exit_code == 1
    assert f"no decision of trade {trade} is recorded" in done.output
