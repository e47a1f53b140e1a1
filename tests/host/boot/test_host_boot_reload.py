"""A reload never ends a bot: what is not valid is refused in words, and the bot goes on."""

import json
import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from freqpilot.host.alerts import events as alerts
from freqpilot.host.boot import reload, start, unclean
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.boot.reload import RELOADS, Reloads
from freqpilot.host.run import exitsonly
from freqpilot.host.seams import activation
from freqpilot.rehearsal.plan.config import API_PASSWORD, API_USER
from freqpilot.rehearsal.plan.session import LOG, RehearsalOptions, RehearsalProgress, rehearse

TYPO = {"risk": {"max_exposur": 0.4}}


STRATEGY = """
from freqtrade.strategy import IStrategy

class Brisk(IStrategy):
    timeframe = "1h"
    minimal_roi = {"105": -1}
    stoploss = -0.5
    startup_candle_count = 5
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe
    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


class Bot:
    """Stands for Freqtrade's bot; ``broken`` is what making one raises, first made first."""

    broken: list[Exception | None]
    made: list["Bot"]

    def __init__(self, config: dict[str, Any]) -> None:
        from freqtrade.enums import State

        if fault := (self.broken.pop(0) if self.broken else None):
            raise fault
        self.config, self.state = config, State.RUNNING
        self.key = config["exchange"].pop("key", None)  # as Freqtrade does
        self.said: list[str] = []
        self.startups = self.loops = self.cleanups = 0
        self.made.append(self)

    def notify_status(self, msg: str, msg_type: Any = None) -> None:
        self.said.append(msg)

    def startup(self) -> None:
        self.startups += 1

    def process(self) -> None:
        self.loops += 1

    def process_stopped(self) -> None:
        self.loops += 1

    def check_for_open_trades(self) -> None:
        """Nothing to tell."""

    def cleanup(self) -> None:
        self.cleanups += 1


class Stage:
    """A real worker with stand-in bots, its configuration file and a trades database."""

    def __init__(self, folder: Path, worker: Any) -> None:
        self.file, self.database = folder / "own.json", folder / "trades.sqlite"
        self.strategy = folder / "strategies" / "Brisk.py"
        self.strategy.parent.mkdir()
        self.strategy.write_text(STRATEGY)
        self.made: list[Bot] = []
        self.broken: list[Exception | None] = []
        self.alerts: list[str] = []
        self.waits: list[float] = []
        self._worker_class = worker
        self.state: Any = None

    def start(self) -> Any:
        layers = [str(config_dir() / "base.json"), str(self.file)]
        args = {"config": layers, "command": "trade", "db_url": f"sqlite:///{self.database}"}
        self.worker = self._worker_class(args)
        return self.worker

    def write(self, **changes: Any) -> None:
        exchange = {"name": "binance", "key": "k", "secret": "s", "pair_whitelist": ["BTC/USDT"]}
        own = {
            "user_data_dir": str(self.file.parent),
            "strategy": "Brisk",
            "timeframe": "1h",
            "stoploss": -0.1,
            "minimal_roi": {"0": 10},
            "exchange": exchange,
            "pairlists": [{"method": "StaticPairList"}],
            "internals": {"heartbeat_interval": 0},
        }
        self.file.write_text(json.dumps(own | changes))

    def open_trade(self) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("create table trades (pair text, is_open boolean)")
            connection.execute("insert into trades values ('BTC/USDT', 1)")
            connection.commit()

    def loop(self) -> None:
        """One turn of ``Worker.run``."""
        from freqtrade.enums import State

        self.state = self.worker._worker(old_state=self.state)
        if self.state == State.RELOAD_CONFIG:
            self.worker._reconfigure()

    def ask(self) -> Any:
        """Ask for a reload as Telegram and REST do."""
        from freqtrade.rpc.rpc import RPC

        return RPC(self.worker.freqtrade)._rpc_reload_config()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    start.activate()
    assert activation.active(), activation.refusal()
    import freqtrade.worker

    class Stepped(freqtrade.worker.Worker):
        def _sleep(self, sleep_duration: float) -> None:
            made.waits.append(sleep_duration)

    level = logging.root.level
    made = Stage(tmp_path, Stepped)
    kept = {"broken": made.broken, "made": made.made}
    monkeypatch.setattr(freqtrade.worker, "FreqtradeBot", type("Made", (Bot,), kept))
    monkeypatch.setattr(alerts, "record_later", lambda kind, text, level: made.alerts.append(level))
    _forget()
    made.write()
    made.start()
    yield made
    _forget()
    # A worker sets the level: at its own, other tests would read what httpx logs.
    logging.root.setLevel(level)


def _forget() -> None:
    vars(RELOADS).update(vars(Reloads()))
    exitsonly._causes.clear()


def test_a_sound_configuration_is_taken(stage: Stage) -> None:
    stage.loop()
    stage.write(stake_amount=55)
    assert stage.ask() == {"status": "Reloading config ..."}
    for _ in range(2):
        stage.loop()
    first, second = stage.made
    assert first.cleanups == 1
    assert second.config["stake_amount"] == 55
    assert second.startups == second.loops == 1
    assert second.key == "k"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"freqpilot": TYPO}, "did you mean 'max_exposure'"),
        ({"freqpilot": {"supervisor": False}}, "supervisor is false"),
        ({"max_open_trades": "many"}, "'many' is not of type"),
        ({"exchange": {"name": "nowhere"}}, "nowhere"),
        ({"trailing_stop": True, "trailing_only_offset_is_reached": True}, "trailing"),
    ],
)
def test_what_is_not_valid_is_refused_to_the_person_who_asks(
    stage: Stage, changes: dict[str, Any], words: str
) -> None:
    from freqtrade.enums import State
    from freqtrade.rpc.rpc import RPCException

    stage.open_trade()
    stage.loop()
    stage.write(**changes)
    with pytest.raises(RPCException, match="The configuration was not reloaded") as refused:
        stage.ask()
    assert words in refused.value.message
    assert refused.value.message.count("`") % 2 == 0
    (bot,) = stage.made
    assert bot.state == State.RUNNING
    stage.loop()
    assert (bot.startups, bot.loops, bot.cleanups) == (1, 2, 0)
    assert exitsonly.reason() is None


def test_a_look_at_a_configuration_leaves_logging_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqtrade.configuration import configuration

    def refuse(config: Any) -> None:
        raise AssertionError("logging was set up anew")

    stage.loop()
    monkeypatch.setattr(configuration, "setup_logging", refuse)
    assert stage.ask() == {"status": "Reloading config ..."}


def test_a_file_that_breaks_after_the_answer_keeps_the_bot(stage: Stage) -> None:
    from freqtrade.enums import State

    stage.loop()
    stage.ask()
    stage.file.write_text("{ this is no JSON")
    for _ in range(3):
        stage.loop()
    (bot,) = stage.made
    assert bot.state == State.RUNNING
    # One loop before and two after the turn that reloads: no startup again, and no endless reload.
    assert (bot.startups, bot.loops, bot.cleanups) == (1, 3, 0)
    assert stage.alerts == ["CRITICAL"]
    assert "The configuration was not reloaded" in bot.said[-1]


def test_a_strategy_that_is_broken_keeps_the_bot(stage: Stage) -> None:
    stage.loop()
    stage.ask()
    stage.strategy.write_text(STRATEGY + "\n    def broken(self:\n")
    for _ in range(2):
        stage.loop()
    (bot,) = stage.made
    assert (bot.startups, bot.loops, bot.cleanups) == (1, 2, 0)
    assert "Impossible to load Strategy 'Brisk'" in bot.said[-1]
    stage.strategy.write_text(STRATEGY)
    stage.ask()
    stage.loop()
    assert len(stage.made) == 2


@pytest.mark.parametrize("name", ["PAUSED", "STOPPED"])
def test_the_bot_is_kept_in_the_state_that_it_had(stage: Stage, name: str) -> None:
    from freqtrade.enums import State

    stage.loop()
    (bot,) = stage.made
    bot.state = State[name]  # a person's command, a moment before the reload
    stage.ask()
    stage.ask()
    stage.write(freqpilot=TYPO)
    for _ in range(2):
        stage.loop()
    assert bot.state == State[name] == stage.state
    assert bot.startups == 1


def test_a_bot_that_cannot_be_made_anew_is_made_as_it_was(stage: Stage) -> None:
    from freqtrade.enums import State

    stage.open_trade()
    stage.loop()
    stage.made[0].state = State.PAUSED
    stage.write(stake_amount=55)
    stage.ask()
    stage.broken.append(ImportError("no module named pairlist"))
    for _ in range(2):
        stage.loop()
    _, second = stage.made
    assert second.config["stake_amount"] == "unlimited"
    assert second.key == "k"
    assert second.state == State.PAUSED
    assert second.startups == 1
    assert stage.alerts == ["CRITICAL"]


def test_a_bot_is_made_again_of_what_it_was_made_of_last(stage: Stage) -> None:
    """Not of what it was started with: a good reload lies between."""
    stage.open_trade()
    stage.loop()
    for stake, fault in ((55, None), (66, ImportError("no module")), (77, None)):
        stage.write(stake_amount=stake)
        stage.ask()
        if fault:
            stage.broken.append(fault)
        for _ in range(2):
            stage.loop()
    assert [bot.config["stake_amount"] for bot in stage.made] == ["unlimited", 55, 55, 77]
    assert [bot.key for bot in stage.made] == ["k"] * 4


@pytest.mark.parametrize("open_trade", [True, False])
def test_it_tries_until_the_bot_is_back(stage: Stage, open_trade: bool) -> None:
    if open_trade:
        stage.open_trade()
    stage.loop()
    stage.ask()
    out = ConnectionError("the exchange is out of reach")
    stage.broken.extend([out] * 7)
    stage.waits.clear()
    stage.loop()
    assert stage.waits == [5, 10, 20, 40, 60, 60]
    assert len(stage.made) == 2
    assert stage.alerts == ["EMERGENCY", "CRITICAL"]


def test_a_mended_section_ends_exits_only_and_a_failed_one_does_not(stage: Stage) -> None:
    stage.open_trade()
    stage.write(freqpilot=TYPO)
    stage.start()
    stage.loop()
    assert stage.made[-1].config["max_open_trades"] == 0
    stage.write()
    stage.ask()
    stage.broken.append(ImportError("invalid syntax"))
    stage.loop()
    assert unclean.SETTINGS_CAUSE in exitsonly.causes()
    assert stage.made[-1].config["max_open_trades"] == 0
    stage.loop()
    stage.ask()
    stage.loop()
    assert exitsonly.reason() is None
    assert stage.made[-1].config["max_open_trades"] == 3


def test_no_key_of_the_exchange_is_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    from freqtrade.exceptions import ConfigurationError

    exchange = {"name": "binance", "key": "mykey", "secret": "hush", "pair_whitelist": ["BTC/USDT"]}
    own = {"exchange": exchange, "user_data_dir": str(stage.file.parent)}
    stage.file.write_text(json.dumps(own))
    with pytest.raises(ConfigurationError, match="'timeframe' is a required property"):
        reload.check(stage.worker._args, {})
    assert "Invalid configuration" in caplog.text
    assert "hush" not in caplog.text
    assert "mykey" not in caplog.text


def test_standard_input_cannot_be_read_again(stage: Stage) -> None:
    from freqtrade.exceptions import OperationalException

    with pytest.raises(OperationalException, match="standard input"):
        reload.check({"config": ["-"]}, {})


PAIRS = ["BTC/USDT", "ETH/USDT"]


@pytest.mark.slow
def test_reloads_through_the_real_rest_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "Brisk.py").write_text(STRATEGY)
    own = tmp_path / "own.json"
    limits = {"market": {"enabled": False}, "book": {"enabled": False}}

    static = {"method": "StaticPairList"}
    unsorted = {"method": "VolumePairList", "number_assets": 2, "sort_key": "nowhere"}

    def write(stake: float, pairlist: dict[str, Any] = static, **risk: Any) -> None:
        config = {
            "strategy": "Brisk",
            "stake_amount": stake,
            "max_open_trades": 1,
            "exchange": {"name": "binance", "pair_whitelist": PAIRS},
            "pairlists": [pairlist],
            "freqpilot": {"risk": limits | risk},
        }
        own.write_text(json.dumps(config))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write(60)
    layers = [config_dir() / f"{name}.json" for name in ("base", "freqpilot")]
    options = RehearsalOptions(
        userdir=tmp_path,
        run_dir=tmp_path / "run",
        configs=(*layers, own),
        days=4,
        speed=0,
        history_days=20,
        seed=4,
        api_port=port,
    )
    answers: list[httpx.Response] = []
    asked: list[tuple[int, datetime]] = []

    def ask(progress: RehearsalProgress) -> None:
        login, url = (API_USER, API_PASSWORD), f"http://127.0.0.1:{port}/api/v1/reload_config"
        asked.append((progress.loops, progress.now))
        answers.append(httpx.post(url, auth=login, timeout=60))

    def on_progress(progress: RehearsalProgress) -> None:
        if not answers and progress.loops >= 8:
            write(40, max_exposur=0.4)
            ask(progress)
        elif len(answers) == 1 and progress.loops >= asked[0][0] + 24:
            write(40)
            ask(progress)
        elif len(answers) == 2 and progress.loops >= asked[1][0] + 24:
            write(30, unsorted)  # its schema is sound, and no bot can be made of it
            ask(progress)
        elif len(asked) == 3 and progress.loops == asked[2][0] + 24:
            os.kill(os.getpid(), signal.SIGTERM)

    summary = rehearse(replace(options, speed=7_200), on_progress)
    refused, *taken = answers
    assert refused.status_code == 502
    assert "freqpilot.risk.max_exposur is not known" in refused.json()["error"]
    assert [answer.json() for answer in taken] == [{"status": "Reloading config ..."}] * 2
    # Two loops after an answer the worker has taken it up.
    starts = [asked[0][1], *(time + timedelta(minutes=30) for _, time in asked[1:])]
    trades = [*summary.trades, *summary.open_trades]
    stakes = [
        {round(t.stake, -1) for t in trades if begin < _time(t.open_date) <= end}
        for begin, end in pairwise([*starts, summary.now])
    ]
    assert stakes == [{60}, {40}, {40}], (asked, trades)
    log = " ".join((tmp_path / "run" / LOG).read_text().split())
    assert "The configuration was not reloaded: `key nowhere not in" in log
    assert "Fatal exception" not in log


def _time(text: str | None) -> datetime:
    assert text is not None
    return datetime.fromisoformat(f"{text}+00:00")
