"""Reading a result file: what is in it, and what each fault is called."""

import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.journal.backtest import NO_SIGNALS, load_run


def test_run_holds_what_was_exported(export, profits, moment):
    run = load_run(export.write())
    assert (run.strategy, run.timeframe, run.pairs) == ("Autopilot", "1h", ("A/USDT", "B/USDT"))
    assert run.timerange == (moment(0), moment(72))
    assert run.days == 3
    assert list(run.trades["profit_abs"]) == pytest.approx(profits)
    assert list(run.trades["open_date"]) == [moment(hour) for hour in (5, 30, 55)]
    assert run.synthetic
    assert run.signals_note == ""


def test_equity_marks_open_positions_to_market(export, moment):
    equity = load_run(export.write()).equity
    known = {0: 1000.0, 20: 1010.0, 21: 1009.79, 41: 997.79, 56: 983.406, 58: 1003.406}
    for hour, value in known.items():
        assert equity[pd.Timestamp(moment(hour))] == pytest.approx(value)
    assert equity.iloc[-1] == pytest.approx(1003.176)
    assert equity.index.is_monotonic_increasing
    assert equity.index.is_unique


def test_a_wallet_of_the_first_and_last_moment_counts_neither_twice(export, moment, monkeypatch):
    names = type(export).write.__globals__  # several folders have a module "conftest"
    captured = names["wallet"]

    def whole(trades):
        frame = captured(trades)
        ends = [frame.iloc[[0]].assign(date=moment(h), balance=1.0) for h in (0, 72)]
        return pd.concat([ends[0], frame[frame["date"] < moment(72)], ends[1]])

    monkeypatch.setitem(names, "wallet", whole)
    equity = load_run(export.write()).equity
    assert equity.index.is_unique
    assert (equity.iloc[0], equity.iloc[-1]) == pytest.approx((1000.0, 1003.176))
    assert equity.iloc[1] == pytest.approx(1000.0)


def test_equity_without_wallet_counts_closed_trades_and_says_so(export, moment):
    export.with_wallet = False
    run = load_run(export.write())
    assert list(run.equity) == pytest.approx([1000, 1009.79, 993.406, 1003.176, 1003.176])
    assert list(run.equity.index) == [pd.Timestamp(moment(h)) for h in (0, 20, 50, 60, 72)]
    assert "closed trades only" in run.equity_note


def test_wallet_of_futures_is_not_taken_for_equity(export):
    export.extra["trading_mode"] = "futures"
    assert "closed trades only" in load_run(export.write()).equity_note


def test_no_trades_is_a_run(export):
    export.trades = ()
    run = load_run(export.write())
    assert run.trades.empty
    assert (run.equity == 1000).all()


def test_missing_signals_are_explained(export):
    export.signals = None
    run = load_run(export.write())
    assert run.signals == {}
    assert run.signals_note == NO_SIGNALS


def test_folder_means_its_last_result(export, tmp_path):
    file = export.write()
    (tmp_path / ".last_result.json").write_text(json.dumps({"latest_backtest": file.name}))
    assert load_run(tmp_path).file == file


def test_several_strategies_need_a_name(export):
    export.others["Other"] = export.stats()
    file = export.write()
    with pytest.raises(RefuseToStart, match="holds Autopilot, Other; say which"):
        load_run(file)
    assert load_run(file, "Other").strategy == "Other"
    with pytest.raises(RefuseToStart, match="no strategy 'Third'"):
        load_run(file, "Third")


def test_config_without_our_section_is_not_synthetic(export):
    export.synthetic = False
    assert not load_run(export.write()).synthetic


def test_no_file(tmp_path):
    with pytest.raises(RefuseToStart, match="freqtrade backtesting --export signals"):
        load_run(tmp_path / "backtest-result-x.zip")


def test_empty_folder(tmp_path):
    with pytest.raises(RefuseToStart, match="names no last backtest"):
        load_run(tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 400])
def test_corrupt_zip(export, keep):
    file = export.write()
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(RefuseToStart, match="not a result file"):
        load_run(file)


def test_damaged_member(export):
    file = export.write()
    content = bytearray(file.read_bytes())
    content[80:120] = b"\0" * 40
    file.write_bytes(bytes(content))
    with pytest.raises(RefuseToStart):
        load_run(file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.txt", "x", "not a result file"),
        ("result.json", "{", "broken JSON"),
        ("result.json", "[]", "old format"),
        ("result.json", "{}", "no strategy's result"),
        ("result.json", '{"strategy": {"S": {"trades": []}}}', "backtest_start_ts"),
    ],
)
def test_foreign_zip(tmp_path: Path, name, content, message):
    file = tmp_path / "result.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(RefuseToStart, match=message):
        load_run(file)
