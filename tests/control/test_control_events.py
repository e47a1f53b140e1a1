"""Events as lines and records, and the command that shows them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control.events import as_line, as_record
from freqpilot.errors import RefuseToStart
from freqpilot.store import Event, open_store

NOW = datetime(2024, 3, 6, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            Event(NOW, "halt", "EMERGENCY", "the drawdown"),
            "2024-03-06 12:30:15 EMERGENCY halt: the drawdown",
        ),
        (
            Event(NOW, "veto", "WARNING", "spread", {"pair": "BTC/USDT"}),
            "2024-03-06 12:30:15 WARNING   veto BTC/USDT: spread",
        ),
        (
            Event(NOW, "veto", "INFO", "BTC/USDT: spread", {"pair": "BTC/USDT"}),
            "2024-03-06 12:30:15 INFO      veto: BTC/USDT: spread",
        ),
    ],
)
def test_an_event_is_a_line(event: Event, line: str) -> None:
    assert as_line(event) == line


def test_a_record_holds_all_of_it() -> None:
    found = as_record(Event(NOW, "halt", "EMERGENCY", "the drawdown", {"equity": 800.0}))
    assert found == {
        "time": "2024-03-06T12:30:15+00:00",
        "level": "EMERGENCY",
        "kind": "halt",
        "text": "the drawdown",
        "data": {"equity": 800.0},
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    for number, level in enumerate(("INFO", "WARNING", "EMERGENCY")):
        store.add_event(NOW, f"kind {number}", level, f"event {number}")
    store.save_state("ledger live", {}, NOW)
    store.close()
    return tmp_path


def shown(home: Path, *options: str, command: str = "events") -> str:
    done = CliRunner().invoke(app, [command, "--userdir", str(home), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_shows_what_the_store_holds(home: Path) -> None:
    named, *lines = shown(home).splitlines()
    assert named == f"store: {home}/freqpilot.sqlite"
    assert [line.split(": ")[1] for line in lines[:3]] == ["event 0", "event 1", "event 2"]
    assert lines[3] == "2 alert(s) wait to be delivered"


def test_the_command_chooses_by_level_and_number(home: Path) -> None:
    assert "event 0" not in shown(home, "--level", "warning")
    assert "event 1" in shown(home, "--level", "warning")
    assert shown(home, "--limit", "1").splitlines()[1].endswith("event 2")
    assert [each["kind"] for each in json.loads(shown(home, "--json"))] == [
        "kind 0",
        "kind 1",
        "kind 2",
    ]


def test_a_level_that_does_not_exist_is_refused(home: Path) -> None:
    done = CliRunner().invoke(app, ["events", "--userdir", str(home), "--level", "loud"])
    assert isinstance(done.exception, RefuseToStart)
    assert "INFO, WARNING" in str(done.exception)


ROW = {
    "kind": "cut",
    "rule": "max_position",
    "tag": "dip",
    "orders": 3,
    "pairs": 2,
    "asked": 1_666.7,
    "allowed": 800.0,
}


def test_what_was_cut_and_refused_is_a_table_with_the_newest_reasons(home: Path) -> None:
    store = open_store(f"sqlite:///{home}/freqpilot.sqlite")
    kept = {"since": NOW.isoformat(), "rows": [ROW]}
    store.save_state("ledger live, interventions", kept, NOW)
    for number in range(8):
        for kind in ("veto", "cut"):
            store.add_event(NOW + timedelta(minutes=number), kind, "INFO", f"{kind} {number}")
    store.close()
    text = shown(home, command="refusals")
    assert "live, since 2024-03-06 12:30 UTC" in text
    assert all(word in text for word in ("cut", "max_position", "dip", "1,666.70", "800.00"))
    assert [line.split(": ")[1] for line in text.splitlines()[-10:]] == [
        f"{kind} {number}" for number in range(3, 8) for kind in ("veto", "cut")
    ]
    assert json.loads(shown(home, "--json", command="refusals")) == {"live": kept}


def test_a_start_without_a_cut_has_no_table(home: Path) -> None:
    store = open_store(f"sqlite:///{home}/freqpilot.sqlite")
    store.save_state("ledger live, interventions", {"since": NOW.isoformat(), "rows": []}, NOW)
    store.close()
    text = shown(home, command="refusals")
    assert "live, since 2024-03-06 12:30 UTC: no order was cut or refused" in text


def test_a_bot_whose_orders_all_went_through_says_so(home: Path) -> None:
    assert "no order was cut or refused yet" in shown(home, command="refusals")
