"""What the chaos benchmark makes of its sessions; none is played here."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.chaos import MARKETS, Outcome, Session, report
from freqpilot.rehearsal.live import LiveSummary
from freqpilot.rehearsal.session import RehearsalSummary

NOW = datetime(2024, 3, 6, tzinfo=UTC)
RUN = RehearsalSummary(Path(), True, True, NOW, NOW, NOW, 96, 24.0, 1.0, 1.0, (), (), 100)
TRADED = LiveSummary(RUN, 12, 10, (), 1, (), (), {})
SPIKE = ("volatility_spike",) * 5


def outcome(*summaries: LiveSummary) -> Outcome:
    sessions = [Session(177 + n, summary, 2.0) for n, summary in enumerate(summaries)]
    return Outcome(MARKETS[0], sessions, (), replays=True)


def without_orders(refusals: tuple[str, ...]) -> LiveSummary:
    return replace(TRADED, orders=0, fills=0, refusals=refusals)


@pytest.mark.parametrize(
    ("summary", "idle", "away"),
    [
        (TRADED, 0, {}),
        (replace(TRADED, refusals=SPIKE), 0, {}),  # some were refused, some were sent
        (without_orders(SPIKE), 0, {"178": ["volatility_spike"]}),
        (without_orders((*SPIKE, "daily_loss")), 0, {"178": ["daily_loss", "volatility_spike"]}),
        (without_orders(()), 1, {}),
    ],
)
def test_a_session_without_an_order_needs_a_reason(
    tmp_path: Path, summary: LiveSummary, idle: int, away: dict[str, list[str]]
) -> None:
    page = tmp_path / "page.md"
    result = report([outcome(TRADED, summary)], page)
    target = result["targets"]["Spot: sessions without an order or a refusal"]
    assert (target["value"], target["ok"]) == (idle, not idle)
    assert all(each["ok"] for each in result["targets"].values()) == (not idle)
    assert result["figures"]["Spot"]["kept away"] == away
    text = page.read_text(encoding="utf-8")
    named = f"seed 178 ({', '.join(away['178'])})" if away else "none"
    assert f"every entry of the session: {named}." in text
    assert f"| sessions in which every entry was refused | {len(away)} |" in text
