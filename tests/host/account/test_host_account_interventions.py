"""What the supervisor changed is counted once a candle and kept within bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from gate_stage import CONFIG
from rich.console import Console

from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import OTHER_TAGS, TAGS, Interventions, table
from freqpilot.host.account.saved import saved_interventions
from freqpilot.host.account.upkeep import Upkeep
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.shapes import OrderRequest

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Begin a live run with a store of its own."""
    config = {**CONFIG, "user_data_dir": str(tmp_path), "dry_run": True}
    yield begin(config, live=True)
    end()


@pytest.fixture
def found(run: Run) -> Interventions:
    begun = run.part(Interventions)
    begun.begin("1h")
    return begun


def order(minutes: float = 0, stake: float = 100.0, **more: Any) -> OrderRequest:
    time = NOON + timedelta(minutes=minutes)
    given: dict[str, Any] = {"pair": "BTC/USDT", "side": "long", "purpose": "entry", "tag": "dip"}
    return OrderRequest(**{**given, "time": time, "stake": stake, "rate": 1.0, **more})


def test_an_order_counts_once_a_candle(found: Interventions) -> None:
    for minutes in (0, 1, 59.9, 60, 61, 120):
        found.note("cut", "max_position", order(minutes), 40.0)
    (row,) = found.rows()
    assert row == {
        "kind": "cut",
        "rule": "max_position",
        "tag": "dip",
        "orders": 3,
        "pairs": 1,
        "asked": 100.0,
        "allowed": 40.0,
    }


@pytest.mark.parametrize(
    ("kind", "rule", "more"),
    [
        ("refused", "max_position", {}),
        ("cut", "max_exposure", {}),
        ("cut", "max_position", {"pair": "ETH/USDT"}),
        ("cut", "max_position", {"purpose": "add"}),
    ],
)
def test_another_pair_rule_kind_or_purpose_is_another_order(
    found: Interventions, kind: Any, rule: str, more: dict[str, Any]
) -> None:
    found.note("cut", "max_position", order(), 40.0)
    found.note(kind, rule, order(**more), 20.0)
    assert sum(row["orders"] for row in found.rows()) == 2


def test_most_orders_come_first_and_stakes_are_means(found: Interventions) -> None:
    found.note("refused", "halted", order(tag=None), 0.0)
    for number, stake in enumerate((100.0, 300.0)):
        found.note("cut", "max_exposure", order(60 * number, stake), 50.0)
    first, second = found.rows()
    assert (first["orders"], first["asked"], first["allowed"]) == (2, 200.0, 50.0)
    assert (second["kind"], second["rule"], second["tag"]) == ("refused", "halted", "")


def test_tags_without_end_are_told_apart_only_so_far(found: Interventions) -> None:
    for number in range(TAGS + 50):
        found.note("cut", "max_position", order(60 * number, tag=f"rsi {number}"), 1.0)
    rows = found.rows()
    assert len(rows) == TAGS + 1
    assert (rows[0]["tag"], rows[0]["orders"]) == (OTHER_TAGS, 50)


def test_the_store_has_what_changed_since_the_start(
    run: Run, found: Interventions, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    save = run.store.save_state

    def save_state(key: str, state: Any, time: datetime) -> None:
        written.append(key)
        save(key, state, time)

    monkeypatch.setattr(run.store, "save_state", save_state)
    upkeep = Upkeep(run)
    written.clear()
    for _ in range(2):
        upkeep.step(NOON)
    kept = f"{run.key}, interventions"
    assert written == [kept]
    # The table of the start before is not shown as this one's.
    (saved,) = saved_interventions(run.url).values()
    assert saved == {"since": NOON.isoformat(), "rows": []}
    found.note("cut", "max_position", order(), 40.0)
    for minutes in (1, 2):
        upkeep.step(NOON + timedelta(minutes=minutes))
    assert written.count(kept) == 2
    (saved,) = saved_interventions(run.url).values()
    assert saved == {"since": NOON.isoformat(), "rows": found.rows()}


def test_the_table_names_kind_rule_and_tag(found: Interventions) -> None:
    found.note("cut", "max_position", order(stake=1_500.0), 40.0)
    console = Console(width=120, record=True, file=StringIO())
    console.print(table(found.rows(), "Reckless: orders"))
    text = console.export_text()
    assert "Reckless: orders" in text
    for word in ("cut", "max_position", "dip", "1,500.00", "40.00"):
        assert word in text
