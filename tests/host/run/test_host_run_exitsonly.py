"""A start with trades open that is not clean goes on exits-only; flat it is refused with a line."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.errors import NoEntry, RefuseToStart
from freqpilot.host.alerts import events as alerts
from freqpilot.host.boot import setup, start, unclean
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.run import exitsonly
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Place, Seam, SeamError
from freqpilot.host.trading import coupled
from freqpilot.rehearsal.plan.session import (
    LOG,
    RehearsalOptions,
    RehearsalProgress,
    RehearsalSummary,
    rehearse,
)
from freqpilot.settings import Settings

TYPO = {"store": {"url": "sqlite:///own.sqlite"}, "risk": {"max_exposur": 0.4, "atr_period": 20}}


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """The alerts of a test, each with its level; no cause holds before and after it."""
    heard: list[tuple[str, str]] = []

    def note(_: str, text: str, level: str) -> None:
        heard.append((level, text))

    monkeypatch.setattr(alerts, "record_later", note)
    exitsonly._causes.clear()
    yield heard
    exitsonly._causes.clear()


@pytest.fixture
def unfit(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Freqpilot as it is after an upgrade: the order gate does not fit, another seam does. Returns
    the names of the seams that were applied."""
    applied: list[str] = []

    def misfit() -> None:
        raise SeamError("Exchange.create_order has no parameter reduceOnly")

    class Freqtrade:
        def gate(self) -> None: ...
        def halt(self) -> None: ...

    def made(name: str) -> Place:
        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            applied.append(name)
            return original

        place = Place(name, make=make)
        monkeypatch.setattr(Place, "owner", lambda self: (Freqtrade, self.at))
        return place

    gate = Seam("gate.live", "ask risk", "never", (made("gate"),), misfit)
    halt = Seam("halt.close", "close on a halt", "never", (made("halt"),))
    state = activation._State(refusal="gate.live: misfit", table=lambda _: (gate, halt))
    monkeypatch.setattr(activation, "_state", state)
    return applied


def database(folder: Path, *pairs: str) -> str:
    """Return the URL of a trades database with an open trade in each pair and a closed one."""
    file = folder / "trades.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table trades (id integer, pair text, is_open boolean)")
        connection.execute("insert into trades values (0, 'OLD/USDT', 0)")
        for number, pair in enumerate(pairs, 1):
            connection.execute("insert into trades values (?, ?, 1)", (number, pair))
        connection.commit()
    return f"sqlite:///{file}"


def config_of(db_url: str, folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "runmode": "dry_run",
        "db_url": db_url,
        "user_data_dir": str(folder),
        "exchange": {"name": "binance"},
        "max_open_trades": 3,
        "position_adjustment_enable": True,
        "force_entry_enable": True,
        "pairlists": [{"method": "CorrelationFilter"}],
        **changes,
    }


def test_orders_wait_while_any_cause_holds() -> None:
    assert exitsonly.reason() is None
    exitsonly.require()
    exitsonly.enter("store", "the store is locked")
    exitsonly.enter("seams", "the gate does not fit")
    exitsonly.leave("store")
    assert exitsonly.reason() == "the gate does not fit"
    with pytest.raises(NoEntry, match="exits-only: the gate does not fit"):
        exitsonly.require()
    exitsonly.leave("seams")
    exitsonly.leave("seams")
    exitsonly.require()


def test_open_trades_are_counted_before_the_bot_exists(tmp_path: Path) -> None:
    url = database(tmp_path, "BTC/USDT", "ETH/USDT")
    assert exitsonly.open_trades({"db_url": url}) == 2
    assert exitsonly.open_pairs({"db_url": url}) == ["BTC/USDT", "ETH/USDT"]


def test_without_a_database_or_its_table_nothing_is_open(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite"
    assert exitsonly.open_trades({"db_url": f"sqlite:///{missing}"}) == 0
    assert not missing.exists()
    assert exitsonly.open_trades({"db_url": "sqlite://"}) == 0
    assert exitsonly.open_trades({}) == 0
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    (tmp_path / "empty.sqlite").touch()
    assert exitsonly.open_trades({"db_url": f"sqlite:///{tmp_path / 'empty.sqlite'}"}) == 0


@pytest.mark.parametrize("url", ["sqlite:///{}/torn.sqlite", "nosuch://host/database", "nonsense"])
def test_a_database_that_cannot_be_read_may_hold_open_trades(tmp_path: Path, url: str) -> None:
    (tmp_path / "torn.sqlite").write_bytes(b"a torn page" * 500)
    assert exitsonly.open_trades({"db_url": url.format(tmp_path)}) == 1


def test_a_seam_that_does_not_fit_refuses_a_flat_start(tmp_path: Path, unfit: list[str]) -> None:
    from freqtrade.exceptions import OperationalException

    with pytest.raises(OperationalException, match=r"Freqpilot stops the start: gate\.live"):
        setup.prepare(config_of(database(tmp_path), tmp_path))
    assert unfit == []
    assert exitsonly.reason() is None


def test_a_seam_that_does_not_fit_leaves_exits_to_open_trades(
    tmp_path: Path, unfit: list[str], said: list[tuple[str, str]]
) -> None:
    config = config_of(database(tmp_path, "BTC/USDT"), tmp_path)
    setup.prepare(config)
    assert unfit == ["halt"]
    assert "seam gate.live" in str(exitsonly.reason())
    assert config["max_open_trades"] == 0
    assert config["position_adjustment_enable"] is False
    assert config["force_entry_enable"] is False
    assert config["pairlists"] == [{"method": "StaticPairList"}]
    assert config["exchange"]["pair_whitelist"] == ["BTC/USDT"]
    activation.require_active("Autopilot")
    ((level, text),) = said
    assert level == "EMERGENCY"
    assert text.startswith("Freqpilot runs exits-only: seam gate.live: Exchange.create_order has")


def test_other_commands_refuse_though_trades_are_open(tmp_path: Path, unfit: list[str]) -> None:
    from freqtrade.exceptions import OperationalException

    url = database(tmp_path, "BTC/USDT")
    with pytest.raises(OperationalException, match=r"Freqpilot stops the start: gate\.live"):
        setup.prepare(config_of(url, tmp_path, runmode="backtest"))
    assert unfit == []
    with pytest.raises(OperationalException, match="refuses to trade without"):
        activation.require_active("Autopilot")


def test_a_section_that_is_not_valid_refuses_a_flat_start(tmp_path: Path) -> None:
    from freqtrade.exceptions import OperationalException

    with pytest.raises(OperationalException, match="did you mean 'max_exposure'"):
        setup.prepare(config_of(database(tmp_path), tmp_path, freqpilot=TYPO))
    assert exitsonly.reason() is None


KRAKEN: dict[str, Any] = {"runmode": "live", "dry_run": False, "exchange": {"name": "kraken"}}


def test_live_on_an_unproven_exchange_needs_a_persons_word(tmp_path: Path) -> None:
    from freqtrade.exceptions import OperationalException

    url = database(tmp_path)
    with pytest.raises(OperationalException) as refused:
        setup.prepare(config_of(url, tmp_path, **KRAKEN))
    text = str(refused.value)
    assert "kraken (spot) is an unproven exchange" in text
    assert '"risk": {"unproven_exchange": true}' in text
    assert exitsonly.reason() is None
    allowed = {"risk": {"unproven_exchange": True}}
    setup.prepare(config_of(url, tmp_path, **KRAKEN, freqpilot=allowed))
    assert exitsonly.reason() is None


@pytest.mark.parametrize(
    "change",
    [
        {"runmode": "dry_run", "dry_run": True},
        {"runmode": "backtest"},
        {"exchange": {"name": "okx"}},
        {"exchange": {"name": "bybit"}, "trading_mode": "futures"},
    ],
)
def test_what_does_not_trade_live_without_proof_starts(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    setup.prepare(config_of(database(tmp_path), tmp_path, **{**KRAKEN, **change}))
    assert exitsonly.reason() is None


def test_with_trades_open_an_unproven_exchange_leaves_exits_only(
    tmp_path: Path, said: list[tuple[str, str]]
) -> None:
    config = config_of(database(tmp_path, "BTC/USDT"), tmp_path, **KRAKEN)
    setup.prepare(config)
    assert config["max_open_trades"] == 0
    ((level, text),) = said
    assert level == "EMERGENCY"
    assert text.startswith("Freqpilot runs exits-only: kraken (spot) is an unproven exchange")
    assert '"risk": {"unproven_exchange": true}' in text
    assert "replaced by its default" not in text
    with pytest.raises(NoEntry, match="unproven exchange"):
        exitsonly.require()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"use_exit_signal": False}, "use_exit_signal is false"),
        ({"exit_profit_only": True}, "exit_profit_only is set"),
    ],
)
def test_a_setting_that_keeps_trades_open_refuses_a_flat_start(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    from freqtrade.exceptions import OperationalException

    with pytest.raises(OperationalException, match=words):
        setup.prepare(config_of(database(tmp_path), tmp_path, **changes))


def test_a_section_that_is_not_valid_keeps_what_is_valid_of_it(
    tmp_path: Path, said: list[tuple[str, str]]
) -> None:
    url = database(tmp_path, "BTC/USDT")
    config = config_of(
        url, tmp_path, freqpilot={**TYPO, "supervisor": False}, use_exit_signal=False
    )
    setup.prepare(config)
    settings = Settings.from_config(config)
    assert settings.store.url == "sqlite:///own.sqlite"
    assert settings.risk.atr_period == 20
    assert settings.risk.max_exposure == Settings().risk.max_exposure
    assert settings.supervisor
    assert config["use_exit_signal"] is True
    assert config["max_open_trades"] == 0
    assert "max_exposur is not known" in str(exitsonly.reason())
    assert "What is not valid is replaced by its default" in str(exitsonly.reason())
    setup.prepare(config_of(url, tmp_path))
    assert exitsonly.reason() is None  # the next configuration is sound
    assert [level for level, _ in said] == ["EMERGENCY", "WARNING"]


def test_an_exits_only_start_shuts_each_way_in_and_opens_each_way_out(tmp_path: Path) -> None:
    config = config_of(
        database(tmp_path, "BTC/USDT", "SOL/USDT"),
        tmp_path,
        freqpilot=TYPO,
        use_exit_signal=False,
        exit_profit_only=True,
    )
    setup.prepare(config)
    shut = {
        "max_open_trades": 0,
        "position_adjustment_enable": False,
        "force_entry_enable": False,
        "use_exit_signal": True,
        "exit_profit_only": False,
        "pairlists": [{"method": "StaticPairList"}],
    }
    assert {name: config[name] for name in shut} == shut
    assert sorted(config["exchange"]["pair_whitelist"]) == ["BTC/USDT", "SOL/USDT"]


@pytest.mark.parametrize(
    ("purpose", "prepared"), [("start", True), ("reload", True), ("check", False)]
)
def test_a_configuration_is_prepared_unless_it_is_only_looked_at(
    tmp_path: Path, purpose: Any, prepared: bool
) -> None:
    """A reload's is one to make the bot of."""
    config = config_of(database(tmp_path), tmp_path)
    with unclean.reading_to(purpose):
        setup.prepare(config)
        assert unclean.only_checks() is not prepared
    assert ("freqpilot" in config.get("internals", {})) is prepared
    assert ("digest" in config.get("freqpilot", {})) is prepared


def test_a_section_that_is_only_looked_at_changes_nothing(tmp_path: Path) -> None:
    from freqtrade.exceptions import OperationalException

    url = database(tmp_path, "BTC/USDT")
    exitsonly.enter(unclean.SETTINGS_CAUSE, "an earlier fault")
    for purpose in ("check", "reload"):
        with (
            unclean.reading_to(purpose),  # type: ignore[arg-type]
            pytest.raises(OperationalException, match="max_exposur is not known"),
        ):
            setup.prepare(config_of(url, tmp_path, freqpilot=TYPO))
    with unclean.reading_to("check"):
        setup.prepare(config_of(url, tmp_path))
    assert exitsonly.reason() == "an earlier fault"


def test_a_broken_pairlist_of_the_user_does_not_strand_open_trades(tmp_path: Path) -> None:
    from freqtrade.exceptions import OperationalException

    (tmp_path / "pairlists").mkdir()
    (tmp_path / "pairlists" / "Mine.py").write_text("class Mine(:")
    url = database(tmp_path, "BTC/USDT")
    setup.prepare(config_of(url, tmp_path))
    assert "Mine.py is not valid Python" in str(exitsonly.reason())
    exitsonly.leave(unclean.SETTINGS_CAUSE)
    with pytest.raises(OperationalException, match=r"Mine\.py is not valid Python"):
        setup.prepare(config_of("sqlite://", tmp_path))


def test_couples_may_start_without_slots_where_only_exits_are_allowed() -> None:
    config = {"trading_mode": "futures", "max_open_trades": 0}
    market = {"entry": "market", "exit": "market"}
    with pytest.raises(RefuseToStart, match="a couple needs 2"):
        coupled.require_both("Pairs", config, market)
    exitsonly.enter("seams", "a seam does not fit")
    coupled.require_both("Pairs", config, market)


@pytest.mark.parametrize(
    ("section", "kept"),
    [
        ([], {}),
        ({"seed": "x"}, {}),
        ({"seed": 3, "risks": {}}, {"seed": 3}),
        ({"seed": 3, "store": 5}, {"seed": 3}),
        ({"risk": {"tiers": [{"equity_from": "x"}], "atr_period": 9}}, {"risk": {"atr_period": 9}}),
        ({"risk": {"drawdown_cut": 0.3}, "seed": 3}, {"seed": 3}),
        ({"signals": {"weights": {"a": 1, "b": 2}}}, {"signals": {"weights": {}}}),
    ],
)
def test_only_what_is_not_valid_is_dropped(section: Any, kept: dict[str, Any]) -> None:
    assert unclean.valid_part(section) == kept
    Settings.model_validate(kept)


def test_no_way_to_an_entry_is_open_though_the_order_gate_is_missing() -> None:
    start.activate()
    from freqtrade.exceptions import DependencyException
    from freqtrade.freqtradebot import FreqtradeBot

    exitsonly.enter("seams", "the gate does not fit")
    bot = FreqtradeBot.__new__(FreqtradeBot)
    bot.strategy = SimpleNamespace(order_time_in_force={"entry": "GTC"})
    bot.exchange = None  # whoever asks it fails otherwise
    for mode in ("initial", "pos_adjust", "replace"):
        with pytest.raises(DependencyException, match="exits-only: the gate does not fit"):
            bot.execute_entry("BTC/USDT", 100, mode=mode)


def test_protections_that_cannot_be_loaded_do_not_end_an_exits_only_start(tmp_path: Path) -> None:
    start.activate()
    from freqtrade.exceptions import OperationalException
    from freqtrade.plugins.protectionmanager import ProtectionManager

    config = config_of("sqlite://", tmp_path)
    lost = [{"method": "NowhereProtection", "stop_duration": 5}]
    with pytest.raises(OperationalException, match="NowhereProtection"):
        ProtectionManager(config, lost)
    exitsonly.enter("seams", "a seam does not fit")
    assert ProtectionManager(config, lost).name_list == []


STRATEGY = """
from freqtrade.strategy import IStrategy

class Steady(IStrategy):
    timeframe = "1h"
    minimal_roi = {}
    stoploss = -0.5
    startup_candle_count = 5
    position_adjustment_enable = True
    def populate_indicators(self, dataframe, metadata):
        return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe
    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
    def custom_exit(self, pair, trade, current_time, **kwargs):
        return "aged" if (current_time - trade.open_date_utc).total_seconds() > 4 * 3600 else None
    def adjust_trade_position(self, **kwargs):
        return 20.0
"""
UPGRADE = """
import logging
from freqtrade.exchange.exchange import Exchange

class Upgrade(logging.NullHandler):
    '''Makes the exchange one whose order has lost a named parameter.'''
    def __init__(self):
        super().__init__()
        if not hasattr(Exchange, "before"):
            Exchange.before = Exchange.create_order
            def create_order(self, *, pair, ordertype, side, amount, rate, leverage, **rest):
                named = {"pair": pair, "ordertype": ordertype, "side": side, "amount": amount}
                return Exchange.before(self, **named, rate=rate, leverage=leverage, **rest)
            Exchange.create_order = create_order
"""
PAIRS = ["BTC/USDT", "ETH/USDT"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a userdir with a sound configuration, one after an upgrade and one with a typo."""
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "Steady.py").write_text(STRATEGY)
    (tmp_path / "upgraded").mkdir()
    (tmp_path / "upgraded" / "upgrade.py").write_text(UPGRADE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'upgraded'}:{os.environ.get('PYTHONPATH', '')}")
    own = {
        "strategy": "Steady",
        "stake_amount": 100,
        "max_open_trades": 2,
        "exchange": {"name": "binance", "pair_whitelist": PAIRS},
        "pairlists": [{"method": "StaticPairList"}],
        "freqpilot": {"risk": {"market": {"enabled": False}, "book": {"enabled": False}}},
    }
    upgraded = {
        "log_config": {
            "handlers": {"early": {"class": "upgrade.Upgrade"}},
            "root": {"handlers": ["early", "console", "freqpilot"]},
        }
    }
    layers = {"own": own, "upgraded": upgraded, "typo": {"freqpilot": TYPO}}
    for name, layer in layers.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(layer))
    return tmp_path


def options_of(home: Path, *further: str) -> RehearsalOptions:
    layers = [config_dir() / f"{name}.json" for name in ("base", "freqpilot")]
    layers += [home / f"{name}.json" for name in ("own", *further)]
    return RehearsalOptions(
        userdir=home, configs=tuple(layers), days=2, speed=0, history_days=20, seed=4
    )


def play(options: RehearsalOptions, loops: int) -> RehearsalSummary:
    """Rehearse so many loops and stop the bot as a service manager does."""

    def on_progress(progress: RehearsalProgress) -> None:
        if progress.loops == loops:
            os.kill(os.getpid(), signal.SIGTERM)

    return rehearse(options, on_progress)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("upgraded", "create_order has no parameter reduceOnly"),
        pytest.param("typo", "did you mean 'max_exposure'", marks=pytest.mark.proof),
    ],
)
def test_real_starts_that_are_not_clean_close_what_is_open_and_open_nothing(
    home: Path, layer: str, words: str
) -> None:
    sound, run = options_of(home), home / "run"
    before = play(replace(sound, run_dir=run), 6)
    assert {trade.pair for trade in before.open_trades} == set(PAIRS)
    assert before.trades == ()

    unclean_ = replace(options_of(home, layer), run_dir=run, resume=True)
    after = play(unclean_, before.loops + 30)
    assert {trade.pair for trade in after.trades} == set(PAIRS)
    assert {trade.exit_reason for trade in after.trades} == {"aged"}
    assert after.open_trades == ()
    log = " ".join((run / LOG).read_text().split())
    assert "Freqpilot runs exits-only: " in log
    assert words in log

    refused = {"upgraded": "seam gate", "typo": ".*max_exposur"}[layer]
    with pytest.raises(RefuseToStart, match=f"did not run.*Freqpilot stops the start: {refused}"):
        play(unclean_, 1)
