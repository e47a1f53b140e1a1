"""A dry run whose facts' source falls silent, and whose database goes away and is locked: no entry
then, every exit, and afterwards nothing is missing or twice."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from freqpilot.facts.store import FactStore
from freqpilot.rehearsal.plan.session import RehearsalOptions, RehearsalSummary, rehearse

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("facts session")]  # one session for all

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
SILENT, MISSING, LOCKED, END = (4, 9), (11, 13), (15, 17), 19
"""Hours from the start on in which the source is silent, the file away, and held by another."""
STRATEGY = '''
import json
import shutil
import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path

from freqtrade.strategy import IStrategy

from freqpilot.errors import RefuseToStart
from freqpilot.facts.collector import Collector, Plan
from freqpilot.facts.sources import make
from freqpilot.facts.sources.base import Answer, FetchFailed
from freqpilot.facts.store import FactStore
from freqpilot.host.facts.columns import add_facts
from freqpilot.settings import Settings
from freqpilot.store.urls import facts_url

START = datetime.fromisoformat("{start}")
SILENT, MISSING, LOCKED = {silent}, {missing}, {locked}
PLAN = Plan(make("lunarcrush", {{"coins": ["BTC"]}}), timedelta(minutes=15))


class Server:
    """The source: posts of each hour, told when it is over."""

    def __init__(self, now, silent):
        self.now, self.silent = now, silent

    def get(self, call, *, key, pause):
        if self.silent:
            raise FetchFailed("lunarcrush is down")
        first, last = int(call.params["start"]) // 3600, int(self.now.timestamp()) // 3600
        rows = [{{"time": n * 3600, "posts_created": n % 1000 + 1}} for n in range(first, last + 1)]
        return Answer(json.dumps({{"data": rows}}).encode(), self.now)


def place_of(config):
    url = facts_url(Settings.from_config(config), Path(config["user_data_dir"]))
    return Path(url.removeprefix("sqlite:///"))


class Reader(IStrategy):
    timeframe = "1h"
    minimal_roi = {{"45": -1}}
    stoploss = -0.3
    startup_candle_count = 5
    held = None

    def bot_loop_start(self, current_time, **kwargs):
        hour = (current_time - START) / timedelta(hours=1)
        file = place_of(self.config)
        folder, away = file.parent, file.parent / "away"
        gone = any(begin <= hour < end for begin, end in (MISSING, LOCKED))
        if gone and not away.exists():
            away.mkdir()
            for each in folder.glob("freqpilot-facts.sqlite*"):
                shutil.move(each, away / each.name)
        if LOCKED[0] <= hour < LOCKED[1] and self.held is None:
            # Not in WAL mode, in which nobody can keep a reader out for long.
            Reader.held = sqlite3.connect(file, isolation_level=None)
            self.held.execute("PRAGMA journal_mode = DELETE")
            self.held.execute("CREATE TABLE t (x)")
            self.held.execute("BEGIN EXCLUSIVE")
        if not gone and away.exists():
            if self.held is not None:
                self.held.close()
                Reader.held = None
            for each in folder.glob("freqpilot-facts.sqlite*"):
                each.unlink()
            for each in away.iterdir():
                shutil.move(each, folder / each.name)
            away.rmdir()
        if MISSING[0] <= hour < MISSING[1]:
            return  # its disk is gone, and the collector with it
        try:
            store = FactStore.open(f"sqlite:///{{file}}", busy_timeout=0.05)
        except RefuseToStart:
            return
        server = Server(current_time, SILENT[0] <= hour < SILENT[1])
        Collector(store, [], server, stop=threading.Event(), now=lambda: current_time).turn(
            PLAN, "BTC"
        )
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()

    def populate_indicators(self, dataframe, metadata):
        wanted = ["lunarcrush/mentions@BTC"]
        frame = add_facts(
            dataframe, metadata["pair"], wanted, self.config, max_age=timedelta(hours=2)
        )
        if metadata["pair"] == "BTC/USDT":
            last = frame.iloc[-1]
            seen = [str(last["date"]), last["mentions_BTC"], last["mentions_BTC_age"]]
            with open(place_of(self.config).with_name("seen.jsonl"), "a") as lines:
                lines.write(json.dumps([str(each) for each in seen]) + "\\n")
        return frame

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["mentions_BTC"] > 0, ["enter_long", "enter_tag"]] = (1, "known")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
'''
CONFIG = {
    "dry_run": True,
    "dry_run_wallet": 1_000,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "max_open_trades": 3,
    "strategy": "Reader",
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT", "ETH/USDT"]},
    "pairlists": [{"method": "StaticPairList"}],
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> RehearsalSummary:
    """One run for all tests of this module."""
    folder = tmp_path_factory.mktemp("user_data")
    (folder / "strategies").mkdir()
    text = STRATEGY.format(start=START.isoformat(), silent=SILENT, missing=MISSING, locked=LOCKED)
    (folder / "strategies" / "Reader.py").write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    found = rehearse(
        RehearsalOptions(
            userdir=folder,
            configs=(folder / "config.json",),
            start=START,
            days=END / 24,
            speed=0,
            history_days=20,
            seed=4,
        ),
        lambda progress: None,
    )
    assert found.finished
    return found


def hours(time: str | datetime | None) -> float:
    return float((pd.to_datetime(str(time), utc=True) - START) / HOUR)


def known(hour: float) -> bool:
    """Tell whether something at most two hours old is known at the end of a candle. What is told
    when all is back is known only then, so not yet at that hour's own candle."""
    silent = SILENT[0] + 2 <= hour <= SILENT[1]
    return not silent and not any(begin <= hour <= end for begin, end in (MISSING, LOCKED))


def test_it_enters_only_on_what_is_known_and_always_leaves(session: RehearsalSummary) -> None:
    trades = [*session.trades, *session.open_trades]
    entries = sorted({int(hours(trade.open_date)) for trade in trades})
    assert entries, "it trades at all"
    assert [hour for hour in entries if not known(hour)] == []
    for begin, end in ((0, 4), (10, 11), (14, 15), (18, 19)):
        assert any(begin <= hour < end for hour in entries), "it is back"
    held = {hours(trade.open_date): hours(trade.close_date) for trade in session.trades}
    for begin, end in (SILENT, MISSING, LOCKED):
        assert any(begin <= hour < end for hour in held.values()), "it leaves without facts"
    assert all(left - entered < 2 for entered, left in held.items()), "none is stuck"


def test_columns_say_how_old_what_is_known_is(session: RehearsalSummary) -> None:
    lines = (session.run_dir / "seen.jsonl").read_text().splitlines()
    seen = {}
    for line in lines:
        date, value, age = json.loads(line)
        seen[int(hours(pd.Timestamp(date) + HOUR))] = (float(value), float(age))
    told = {hour: known(hour) for hour in range(1, END)}
    assert {hour: np.isfinite(seen[hour][0]) for hour in told} == told
    # The hour that just ended is told a loop later; so the newest is an hour old, or older when
    # nobody tells it.
    ages = {hour: age for hour, (_, age) in seen.items()}
    assert ages[SILENT[0] + 1] > ages[SILENT[0]]
    assert np.isnan(ages[MISSING[0]])


def test_afterwards_nothing_is_missing_or_twice(session: RehearsalSummary) -> None:
    folder = session.run_dir
    store = FactStore.open(f"sqlite:///{folder / 'freqpilot-facts.sqlite'}", writes=False)
    found = store.observations(store.catalogue()["lunarcrush", "BTC", "mentions"])
    store.close()
    ends = (found.event - int(START.timestamp()) * 1_000_000) // 3_600_000_000
    assert ends[-1] >= END - 1
    assert ends.tolist() == list(range(int(ends[0]), int(ends[-1]) + 1))
    # What was told late counts from when it came.
    late = (found.available - found.event)[ends == SILENT[0] + 1] / 3_600_000_000
    assert late.tolist() == [pytest.approx(SILENT[1] - SILENT[0] - 1, abs=0.3)]
    assert not (folder / "away").exists()
    assert not [line for line in session.errors if "Traceback" in line]
