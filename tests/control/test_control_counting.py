"""Counters over many runs, and the command that shows them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control.counting import MEANINGS, rows
from freqpilot.control.tally import TODAY, Tally
from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.store import open_store

DAY = date(2026, 1, 10)
NEXT = date(2026, 1, 11)


def test_what_a_run_has_risen_by_is_added() -> None:
    tally = Tally.begin({"looks": 10, "old": 1}, {"day": "2026-01-10", "counts": {"looks": 4}})
    for count, total, days in ((2, 12, 6), (2, 12, 6), (5, 15, 9)):
        tally = tally.count({"looks": count}, DAY)
        assert tally.total == {"looks": total, "old": 1}
        assert tally.today == {"day": "2026-01-10", "counts": {"looks": days}}


def test_a_new_day_begins_at_nothing_and_the_total_goes_on() -> None:
    tally = Tally.begin({}, None).count({"looks": 3}, DAY)
    tally = tally.count({"looks": 3}, NEXT)
    assert (tally.total, tally.today["counts"]) == ({"looks": 3}, {})
    tally = tally.count({"looks": 4, "new": 1}, NEXT)
    assert tally.total == {"looks": 4, "new": 1}
    assert tally.today == {"day": "2026-01-11", "counts": {"looks": 1, "new": 1}}


def test_rows_are_of_today_and_all_time_refusals_last() -> None:
    total = {"refused: spread": 99, "books looks": 7, "found: order gone": 8, "else": 9}
    live = {"day": "2026-01-10", "counts": {"books looks": 2}}
    dry = {"day": "2026-01-10", "counts": {"books looks": 1, "else": 4}}
    old = {"day": "2026-01-09", "counts": {"books looks": 50}}
    found = rows(total, [live, dry, old, None], DAY)
    assert [(name, today, count) for name, _, today, count in found] == [
        ("else", 4, 9),
        ("found: order gone", 0, 8),
        ("books looks", 3, 7),
        ("refused: spread", 0, 99),
    ]
    assert [meaning for _, meaning, *_ in found] == [
        "",
        "differences of this kind that two looks agreed on",
        MEANINGS["books looks"],
        "orders and entries refused by this rule",
    ]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    store = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    store.save_counters({"books requests": 1_440, "refused: max_exposure": 7}, now)
    state = {"day": now.date().isoformat(), "counts": {"books requests": 12}}
    store.save_state(f"ledger live{TODAY}", state, now)
    store.save_state("ledger live", {}, now)
    store.close()
    with VirtualClock(now):
        yield tmp_path


def shown(home: Path, *options: str) -> str:
    """Return what the command prints."""
    given = ["counters", "--userdir", str(home), *options]
    return CliRunner().invoke(app, given, catch_exceptions=False, env={"COLUMNS": "120"}).stdout


def test_the_command_shows_a_table(home: Path) -> None:
    table = shown(home)
    assert "store: " in table
    assert "1,440" in table
    assert "refused: max_exposure" in table
    assert MEANINGS["books requests"] in table


def test_the_command_gives_json(home: Path) -> None:
    assert json.loads(shown(home, "--json")) == {
        "books requests": {"today": 12, "all": 1_440},
        "refused: max_exposure": {"today": 0, "all": 7},
    }


def test_a_store_without_counters_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    store.save_state("ledger live", {}, datetime.now(UTC) - timedelta(days=1))
    store.close()
    assert "nothing was counted yet" in shown(tmp_path)


def test_a_store_that_no_bot_has_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart):
        shown(tmp_path)
