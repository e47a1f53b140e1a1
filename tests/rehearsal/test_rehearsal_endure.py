"""What the benchmark of a month makes of what it has noted; no session is played here."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.safety.endure import LOG, Mark, Marks, targets_of
from freqpilot.rehearsal.plan.session import RehearsalProgress

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EARLY = Mark(10, {"event": 200, "counter": 10, "order_intent": 60}, 1, 1, 300.0, 20)
FIRST = Mark(5, {"event": 150}, 1, 1, 290.0, 10)


def missed(last: Mark) -> set[str]:
    return {name for name, target in targets_of([FIRST, EARLY, last]).items() if not target.ok}


def test_what_is_of_trades_may_grow_with_them_and_nothing_else() -> None:
    grown = {"event": 300, "counter": 60, "order_intent": 360, "decision": 120}
    assert missed(Mark(30, grown, 1, LOG, 354.0, 120)) == set()
    rows = {"event": 301, "counter": 61, "order_intent": 1_441, "decision": 121, "alert": 51}
    assert missed(Mark(30, rows, 1, LOG + 1, 354.1, 120)) == {
        "rows of event on the last day",
        "rows of counter on the last day",
        "rows of alert on the last day",
        "intents a trade",
        "decisions a trade",
        "MiB of memory more than on the fifth day",
        "bytes of the decision log",
    }


def test_a_mark_is_taken_each_five_days_also_while_tables_are_away(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "freqpilot.sqlite")) as store, store:
        store.execute("create table event_away (id)")
        store.execute("insert into event_away values (1)")
    (tmp_path / "decisions.jsonl.1").write_bytes(b"12345")
    said: list[str] = []
    marks = Marks(tmp_path, said.append)
    for hour in range(24 * 11):
        marks.note(RehearsalProgress(hour, BEGIN + timedelta(hours=hour), 0.0, 0.0, 0))
    assert [mark.day for mark in marks.found] == [5, 10]
    assert marks.found[0].rows == {"event": 1}
    assert marks.found[0].log == 5
    assert len(said) == 2
