"""One backtest beside itself: each trade has one fate, their differences add up, and two backtests
that differ in more than the supervisor are refused."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from freqpilot.errors import RefuseToStart
from freqpilot.journal import besidepage
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.beside import Beside, Fate, beside, side
from freqpilot.journal.report import write_report

GUARD = {"supervisor": True, "profile": "guard", "halted": "drawdown", "releases": 1, "vetoes": {}}
ROW = {"kind": "cut", "rule": "max_position", "orders": 3, "pairs": 1, "asked": 9, "allowed": 4}
BEGIN = pd.Timestamp("2026-01-30", tz="UTC")
#        pair        fills: (hour, amount, price, entry)
ALONE = (
    ("A/USDT", ((5, 10.0, 10.0, True), (20, 10.0, 11.0, False))),
    ("B/USDT", ((6, 4.0, 50.0, True), (60, 4.0, 46.0, False))),
    ("A/USDT", ((22, 10.0, 10.0, True), (25, 10.0, 11.0, False))),
    ("A/USDT", ((27, 10.0, 10.0, True), (30, 10.0, 12.0, False))),
    ("A/USDT", ((40, 10.0, 10.0, True), (48, 10.0, 8.0, False))),
    ("A/USDT", ((50, 10.0, 10.0, True), (52, 10.0, 11.0, False))),
)
GUARDED = (
    ("A/USDT", ((5, 10.0, 10.0, True), (20, 10.0, 11.0, False))),  # the same
    ("B/USDT", ((6, 4.0, 50.0, True), (58, 4.0, 48.0, False))),  # closed two hours earlier
    ("A/USDT", ((22, 4.0, 10.0, True), (25, 4.0, 11.0, False))),  # smaller
    ("A/USDT", ((40, 10.0, 10.0, True), (51, 10.0, 9.0, False))),  # sold later
    ("B/USDT", ((61, 1.0, 50.0, True), (62, 1.0, 51.0, False))),  # only with it
)


@pytest.fixture
def played(export: Any) -> Callable[..., BacktestRun]:
    def play(day: int, trades: Any, noted: Any, **changed: Any) -> BacktestRun:
        market = changed.pop("market", (1.0, 2.0))
        changed = {"signals": None, "market": market, **changed}
        made = replace(export, day=day, trades=trades, noted=noted, **changed)
        return load_run(made.write())

    return play


@pytest.fixture
def both(played: Callable[..., BacktestRun]) -> Beside:
    noted = {**GUARD, "interventions": [{**ROW, "tag": tag} for tag in ("dip", "deep")]}
    alone, guarded = played(3, ALONE, {}), played(4, GUARDED, noted)
    reasons = guarded.trades["exit_reason"].where(guarded.trades["pair"] != "B/USDT")
    guarded.trades["exit_reason"] = reasons.fillna("freqpilot_halt")
    return beside(alone, guarded)


def test_each_trade_has_its_fate(both: Beside) -> None:
    found = [
        (row["pair"], int((row["open_date"] - BEGIN).total_seconds() / 3600), str(row["fate"]))
        for row in both.trades.to_dict("records")
    ]
    assert found == [
        ("A/USDT", 5, "the same"),
        ("B/USDT", 6, "closed by Freqpilot"),
        ("A/USDT", 22, "smaller"),
        ("A/USDT", 27, "not taken"),
        ("A/USDT", 40, "another exit"),
        ("A/USDT", 50, "pair was open"),
        ("B/USDT", 61, "only with it"),
    ]


def test_a_part_that_freqpilot_sold_counts_as_closed_by_it(
    played: Callable[..., BacktestRun],
) -> None:
    alone, guarded = played(3, ALONE, {}), played(4, ALONE, GUARD)
    guarded.trades["orders"].iloc[0][1]["ft_order_tag"] = "freqpilot_liquidation_reduce"
    assert list(beside(alone, guarded).trades["fate"][:2]) == [Fate.CLOSED, Fate.SAME]


def test_the_differences_add_up_to_that_of_the_accounts(both: Beside) -> None:
    without, guarded = both.sides
    assert both.trades["difference"].sum() == pytest.approx(guarded.final - without.final)
    assert sum(change for *_, change in both.by_fate()) == pytest.approx(
        guarded.final - without.final
    )
    assert sum(count for _, count, *_ in both.by_fate()) == len(both.trades) == 7


def test_a_side_by_hand(played: Callable[..., BacktestRun]) -> None:
    run = played(3, ALONE, {})
    hours = pd.date_range("2026-01-30", periods=5, freq="12h", tz="UTC")
    made = replace(run, equity=pd.Series([100.0, 110.0, 88.0, 90.0, 99.0], index=hours))
    found = side(made)
    assert found.total == pytest.approx(-0.01)
    assert found.drawdown == pytest.approx(0.20), "within the day, from 110 to 88"
    assert found.worst == pytest.approx(-0.12)
    assert str(found.worst_day)[:10] == "2026-01-30"
    assert found.tail == pytest.approx(0.12)


def test_the_order_of_the_two_does_not_matter(both: Beside) -> None:
    again = beside(both.guarded, both.alone)
    assert again.guarded is both.guarded
    pd.testing.assert_frame_equal(again.trades, both.trades)


def test_without_trades_on_a_side(played: Callable[..., BacktestRun]) -> None:
    found = beside(played(3, ALONE, {}), played(4, (), GUARD))
    assert set(found.trades["fate"]) == {Fate.REFUSED}
    assert found.sides[1].tail == found.sides[1].drawdown == 0


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"extra": {"pairlist": ["A/USDT"]}}, "pairs"),
        ({"extra": {"backtest_start_ts": 1_769_000_000_000}}, "period"),
        ({"extra": {"starting_balance": 999}}, "wallet"),
        ({"extra": {"stake_amount": 7}}, "stake_amount"),
        ({"strategy": "Other"}, "strategy"),
        ({"market": (1.0, 2.1)}, "candles"),
    ],
)
def test_what_is_not_the_same_backtest_is_refused(
    played: Callable[..., BacktestRun], changed: dict[str, Any], word: str
) -> None:
    same = {"stake_amount": 5}
    one = played(3, ALONE, {}, extra=same)
    extra = {**same, **changed.pop("extra", {})}
    with pytest.raises(RefuseToStart, match=word):
        beside(one, played(4, GUARDED, GUARD, extra=extra, **changed))


def test_another_fee_is_refused(played: Callable[..., BacktestRun]) -> None:
    one, other = played(3, ALONE, {}), played(4, GUARDED, GUARD)
    one.trades["fee_open"] = 0.0005
    with pytest.raises(RefuseToStart, match=r"fee 0\.001 .* 0\.0005, 0\.001 without"):
        beside(one, other)


def test_one_and_only_one_is_changed_by_the_supervisor(
    played: Callable[..., BacktestRun],
) -> None:
    alone, guarded = played(3, ALONE, {}), played(4, GUARDED, GUARD)
    with pytest.raises(RefuseToStart, match=r"both .* were run under the supervisor"):
        beside(guarded, guarded)
    watched = played(5, ALONE, {**GUARD, "profile": "watch"})
    with pytest.raises(RefuseToStart, match=r"watch changes no order: add guard\.json"):
        beside(alone, watched)
    assert "watched" in " ".join(beside(guarded, watched).notes)


def test_other_protections_are_named(played: Callable[..., BacktestRun]) -> None:
    on = {"enable_protections": True}
    found = beside(played(3, ALONE, {}), played(4, GUARDED, GUARD, extra=on))
    assert "Protections were on with the supervisor" in found.notes[0]


def test_the_terminal_shows_figures_fates_and_rules(both: Beside) -> None:
    screen = Console(file=io.StringIO(), width=140)
    for table in besidepage.tables(both):
        screen.print(table)
    said = " ".join(screen.file.getvalue().split())  # type: ignore[attr-defined]
    assert "SYNTHETIC market" in said
    for fate in {Fate(row) for row in both.trades["fate"]}:
        assert fate in said
    assert "Drawdown of the wallet" in said
    assert "cut │ max_position │ 6" in said
    assert "1 halt was released by a simulated operator" in " ".join(besidepage.lines(both))


def test_closed_trades_only_is_said(played: Callable[..., BacktestRun]) -> None:
    ends = [played(n, t, g, with_wallet=False) for n, t, g in ((3, ALONE, {}), (4, GUARDED, GUARD))]
    assert besidepage.figures(beside(*ends))[2][0] == "Drawdown, closed trades only"


def test_the_page_has_the_section(both: Beside, datadir: Path, tmp_path: Path) -> None:
    html = write_report(both.guarded, datadir, tmp_path / "r.html", both).read_text("utf-8")
    assert html.index("With and without the supervisor") < html.index("Scorecard")
    for text in ("chart-beside", "chart-steps", "stop_loss → freqpilot_halt", "only with it"):
        assert text in html
    plain = write_report(both.guarded, datadir, tmp_path / "p.html").read_text("utf-8")
    assert "With and without the supervisor" not in plain
