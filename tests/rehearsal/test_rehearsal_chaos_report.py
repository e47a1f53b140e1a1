"""What the chaos benchmark makes of its sessions; none is played here."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import benchmarks.safety.cures
from benchmarks.safety.chaos import MARKETS, Finding, Outcome, Session, report
from benchmarks.safety.cures import CURES, switch_off
from freqpilot.host.boot import start
from freqpilot.rehearsal.bot.live import LiveSummary
from freqpilot.rehearsal.plan.session import RehearsalSummary

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
    target = result.targets["Spot: sessions without an order or a refusal"]
    assert (target.value, target.ok) == (idle, not idle)
    assert result.ok == (not idle)
    assert result.figures["Spot"]["kept away"] == away
    text = page.read_text(encoding="utf-8")
    named = f"seed 178 ({', '.join(away['178'])})" if away else "none"
    assert f"every entry of the session: {named}." in text
    assert f"| sessions in which every entry was refused | {len(away)} |" in text


def test_the_page_says_by_which_seed_a_missing_cure_is_found(tmp_path: Path) -> None:
    page, cures = tmp_path / "page.md", list(CURES.values())
    found = [Finding(cures[0], 3, ("stop", "cash")), Finding(cures[1], None, ())]
    result = report([outcome(TRADED)], page, found)
    ok = {name: target.ok for name, target in result.targets.items()}
    assert ok[f"without {cures[0].name}"] is True
    assert ok[f"without {cures[1].name}"] is False
    text = page.read_text(encoding="utf-8")
    assert (
        f"| {cures[0].name} | {cures[0].about} | {cures[0].faults} | seed 3, stop, cash |" in text
    )
    assert f"| {cures[1].name} | {cures[1].about} | {cures[1].faults} | not found |" in text


def test_the_page_has_no_table_of_cures_when_none_was_switched_off(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    report([outcome(TRADED)], page)
    assert "switched off" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CURES)
def test_a_cure_can_be_switched_off_where_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place in the code is there; only that: what it does then is chaos's to see."""
    put: list[tuple[object, str]] = []

    def note(owner: object, attribute: str, value: object) -> None:
        assert getattr(owner, attribute) is not value
        put.append((owner, attribute))

    monkeypatch.setattr(benchmarks.safety.cures, "_put", note)
    start.activate()  # as in the bot whose cure it is
    switch_off(name)
    assert put
