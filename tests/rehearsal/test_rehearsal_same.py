"""What the benchmark of equal runs calls a difference, and what it makes of its runs."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.safety.same import (
    MISSING,
    Comparison,
    Difference,
    compare,
    differences,
    report,
)
from benchmarks.support.checkouts import ROOT, environment, require_own_library, worktree
from benchmarks.support.session_worker import plain, record_of, without_draws
from freqpilot.rehearsal.bot.live import LiveSummary
from freqpilot.rehearsal.faults.requests import Call, Fault, Strike
from freqpilot.rehearsal.plan.session import RehearsalSummary
from freqpilot.rehearsal.venue.spot import VenueOrder

ONE = Decimal("1")
NOW = datetime(2024, 3, 6, tzinfo=UTC)
TRADES = {"BTC/USDT 1": {"stake": 0.1, "orders": [{"rate": 3.0}]}, "ETH/USDT 1": {"stake": 2}}
RECORD = {"trades": TRADES, "statistics": {"locks": None}}


def changed(**values: Any) -> dict[str, Any]:
    return {**RECORD, "trades": {**TRADES, "BTC/USDT 1": {**TRADES["BTC/USDT 1"], **values}}}


def places(before: Any, after: Any) -> list[str]:
    return [each.place for each in differences(before, after)]


def test_equal_records_have_no_difference() -> None:
    assert places(RECORD, changed()) == []
    assert places({"a": [float("nan")]}, {"a": [float("nan")]}) == []


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"stake": 0.1 + 2**-56}, ".stake"),
        ({"stake": None}, ".stake"),
        ({"orders": [{"rate": 3}]}, ".orders[0].rate"),
        ({"orders": []}, ".orders[0]"),
        ({"orders": [{"rate": 3.0}, {"rate": 3.0}]}, ".orders[1]"),
        ({"orders": {}}, ".orders"),
        ({"leverage": 1.0}, ".leverage"),
    ],
)
def test_the_last_digit_the_type_and_what_is_missing_are_differences(
    values: dict[str, Any], place: str
) -> None:
    assert places(RECORD, changed(**values)) == [f"trades.BTC/USDT 1{place}"]


def test_a_trade_that_only_one_has_is_one_difference() -> None:
    shorter = {**RECORD, "trades": {"ETH/USDT 1": TRADES["ETH/USDT 1"]}}
    (lost,) = differences(RECORD, shorter)
    assert lost == Difference("trades.BTC/USDT 1", TRADES["BTC/USDT 1"], MISSING)
    assert "(missing)" in str(lost)


def player(*before: Any, after: list[Any]) -> tuple[Callable[[Path, Path], Any], list[Path]]:
    """Return what gives the records of the two checkouts one by one, and the folders it got."""
    records = {Path("before"): list(before), Path("after"): after}
    folders: list[Path] = []

    def play(tree: Path, folder: Path) -> Any:
        assert folder.is_dir()
        folders.append(folder)
        return records[tree].pop(0)

    return play, folders


OTHER = changed(stake=0.2)


@pytest.mark.parametrize(
    ("after", "repeat", "count", "repeats"),
    [
        ([RECORD], False, 0, None),
        ([RECORD, RECORD], True, 0, True),
        ([RECORD, OTHER], True, 0, False),
        ([OTHER, OTHER], False, 1, True),
        ([OTHER, RECORD], False, 1, False),
    ],
)
def test_what_differs_is_played_again(
    after: list[Any], repeat: bool, count: int, repeats: bool | None
) -> None:
    play, folders = player(RECORD, after=list(after))
    found = compare(play, Path("before"), Path("after"), repeat=repeat)
    assert (len(found.differences), found.repeats, found.count) == (count, repeats, 2)
    assert len(set(folders)) == len(after) + 1, "each run has a folder of its own"
    assert not any(folder.exists() for folder in folders)


def comparison(**values: Any) -> Comparison:
    given = {"count": 60, "digest": "d", "differences": (), "repeats": True, "seconds": 1.0}
    return Comparison(**{**given, **values})


@pytest.mark.parametrize(
    ("values", "parity", "ok"),
    [
        ({}, True, True),
        ({"differences": (Difference("trades.x", 1, 2),)}, True, False),
        ({"repeats": False}, False, True),
        ({"repeats": None}, False, True),
        ({"count": 0}, False, True),
    ],
)
def test_equal_means_little_without_a_trade_or_a_repeat(
    values: dict[str, Any], parity: bool, ok: bool
) -> None:
    result = report("abc", {"Ensemble": comparison(**values)})
    target = result.targets["Ensemble: differences"]
    assert (result.parity, target.ok) == (parity, ok)


def test_a_session_in_which_every_entry_is_refused_counts() -> None:
    found = {"spot 1": comparison(count=0), "spot 2": comparison(repeats=None)}
    assert report("abc", found).parity


def test_what_a_start_draws_is_no_difference() -> None:
    def record(identity: str, nonce: str) -> dict[str, Any]:
        owner = f'{{"bot": "{identity}", "nonce": "{nonce}", "pid": {len(nonce)}, "born": 1.5}}'
        return {
            "freqtrade.KeyValueStore": [{"key": "freqpilot_id", "string_value": identity}],
            "store.risk_state": [{"key": "owner", "state": owner}],
            "ledger": {"1": {"client_id": f"fq-{identity}-n1-entry-1", "amount": "0.56f3ed0e"}},
        }

    first, second = (without_draws(record(*drawn)) for drawn in (("56f3ed0e", "a"), ("aa", "bc")))
    assert first == second
    assert first["ledger"]["1"] == {"client_id": "fq-identity-n1-entry-1", "amount": "0.56f3ed0e"}


def test_a_session_without_freqpilot_has_nothing_drawn() -> None:
    record = {"ledger": {}, "freqtrade.KeyValueStore": [{"key": "x", "string_value": None}]}
    assert without_draws(record) == record


def test_a_session_leaves_its_ledger_faults_and_tables(tmp_path: Path) -> None:
    order = VenueOrder(7, "fq-aa-1-exit-1", "BTCUSDT", "SELL", "MARKET", ONE, None, None, 1, 2)
    run = RehearsalSummary(tmp_path, True, True, NOW, NOW, NOW, 96, 24.0, 1.0, 1.0, (), (), 100)
    struck = ((4_000, "ETHUSDT"), (5_000, "ETHUSDT"), (5_000, "BTCUSDT"))
    met = tuple(
        Strike(Fault.LIMIT, number, time, Call("GET", "/api/v3/klines", symbol), "before")
        for number, (time, symbol) in enumerate(struck)
    )
    summary = LiveSummary(run, 1, 0, met, 2, (), (), {"USDT": ONE}, ledger=(order,))
    with closing(sqlite3.connect(tmp_path / "trades.sqlite")) as database:
        database.execute("create table trades (id integer, stake_amount float)")
        database.execute("insert into trades values (1, 99.99999999999999)")
        database.commit()
    (tmp_path / "decisions.jsonl").write_text('{"logged": 1.5, "what": "veto"}\n')
    record = record_of(summary, tmp_path)
    assert record["ledger"]["7"]["amount"] == "1"
    assert record["freqtrade.trades"] == [{"id": 1, "stake_amount": 99.99999999999999}]
    assert record["decisions"] == [{"what": "veto"}]
    strikes = [(one["time"], one["call"]["symbol"], one["request"]) for one in record["strikes"]]
    assert strikes == [(4_000, "ETHUSDT", None), (5_000, "BTCUSDT", None), (5_000, "ETHUSDT", None)]
    assert (record["kills"], record["loops"], record["requests"]) == (2, 96, 100)
    assert "wall_seconds" not in json.dumps(record)


def test_no_digit_is_lost_on_the_way() -> None:
    value = {"float": 0.1 + 2**-56, 2: Decimal("0.10"), "none": None, "rows": (True, Path("a"))}
    assert plain(value) == {"float": 0.1 + 2**-56, "2": "0.10", "none": None, "rows": [True, "a"]}


def test_a_child_imports_the_library_of_its_checkout(tmp_path: Path) -> None:
    require_own_library(ROOT)
    with pytest.raises(RuntimeError, match="imports freqpilot from"):
        require_own_library(tmp_path)


def test_a_child_gets_no_other_path_and_nothing_of_pytest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("FREQTRADE__DRY_RUN", "false")
    given = environment(tmp_path)
    assert given["PYTHONPATH"] == f"{tmp_path / 'plugins'}:{tmp_path}"
    assert not [name for name in given if name.startswith(("PYTEST_", "FREQTRADE__"))]


def test_a_commit_has_a_folder_of_its_own_while_it_is_needed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        return subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init")
    for text in ("first", "second"):
        (tmp_path / "file").write_text(text)
        git("add", "file")
        git("commit", "-m", text)
    with worktree("HEAD~1", tmp_path) as tree:
        assert (tree / "file").read_text() == "first"
    assert not tree.exists()
    assert len(git("worktree", "list").splitlines()) == 1, "git knows of it still"
    assert (tmp_path / "file").read_text() == "second"


def test_an_unknown_commit_is_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError), worktree("no-such-commit"):
        pytest.fail("it has no files")
