"""The table of scenarios, when one strikes and what it does to the exchange, what is said where
candles are missing, and one session of the real bot."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from candle_files import write_candles
from freqpilot.cli import app
from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.bot import scenarios as played
from freqpilot.rehearsal.bot.scenarios import MissingCandles, Outcome, rehearse_scenario
from freqpilot.rehearsal.faults.requests import Call, FaultPlan
from freqpilot.rehearsal.faults.scenarios import SCENARIOS, Scenario, scenarios
from freqpilot.rehearsal.faults.striking import Look, Play, ScenarioPlayer, Struck
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.session import RehearsalOptions
from freqpilot.rehearsal.show import print_outcomes
from freqpilot.rehearsal.venue.spot import SpotVenue, Ticket
from freqpilot.risk.book import stress
from freqpilot.settings import BookSettings

HOUR = 3_600_000
PAIRS = ("BTC/USDT", "ETH/USDT")
TAPE = Tape.from_market(SyntheticMarket(PAIRS, candles=200, seed=8))
BEGIN = TAPE.start + 100 * HOUR
KNOWN = {each.name: each for each in SCENARIOS}


def test_a_list_is_read_and_an_unknown_name_refused() -> None:
    assert [each.name for each in scenarios("gap, depeg,gap")] == ["gap", "depeg"]
    assert scenarios("all") == SCENARIOS
    for text in ("flood", "gap,flood", ","):
        with pytest.raises(RefuseToStart, match=r"choose from flash_crash, .*november_2022, all"):
            scenarios(text)


def test_every_scenario_of_the_stress_table_can_be_rehearsed() -> None:
    named = {each.name for each in stress.scenarios(BookSettings())}
    other = {"crash_day": "gap", "rally_day": "gap", "exchange_outage": "outage"}
    assert {other.get(name, name) for name in named} <= set(KNOWN)


@dataclass
class Exchange:
    """What a player changes of the exchange."""

    tape: Tape = TAPE
    race: Any = None
    calm: bool = False
    distorted: Any = None
    url: str = ""
    looks: list[int] = field(default_factory=list)

    def end_bot(self) -> None:
        raise AssertionError("no scenario kills the bot")


@dataclass
class Session:
    """A player, the account that it watches, and the exchange."""

    player: ScenarioPlayer
    venue: SpotVenue
    exchange: Exchange
    faults: FaultPlan

    def loop(self, now: int) -> float | None:
        self.venue.advance(now)
        return asyncio.run(self.player.loop_ended(self.exchange, now))

    def buy(self, symbol: str, amount: str, now: int) -> None:
        self.venue.submit(Ticket(symbol, "BUY", "MARKET", Decimal(amount)), now)


def session(
    name: str, folder: Path, hours: tuple[float, float, float] = (2.0, 4.0, 6.0)
) -> Session:
    venue, faults = SpotVenue(TAPE, {"USDT": Decimal(100_000)}), FaultPlan()
    moves = dict.fromkeys(PAIRS, -0.3)
    look = Look(lambda now: venue.balances["USDT"], lambda symbol, now: symbol == "BTCUSDT")
    player = ScenarioPlayer(
        Play(KNOWN[name], hours, 2, moves), BEGIN, look,
        venue=venue, faults=faults, run_dir=folder, store=folder / "s.sqlite",
    )  # fmt: skip
    return Session(player, venue, Exchange(), faults)


def test_it_strikes_when_all_slots_are_taken_and_not_before_the_bot_is_warm(tmp_path: Path) -> None:
    made = session("gap", tmp_path)
    made.buy("BTCUSDT", "0.1", BEGIN)
    made.buy("ETHUSDT", "1", BEGIN)
    made.loop(BEGIN + HOUR // 2 + 1)
    assert made.player.struck.at is None, "the bot is not warm"
    before = TAPE.pairs["BTC/USDT"].price(BEGIN + 4 * HOUR)
    made.loop(BEGIN + 2 * HOUR + HOUR // 2)
    assert made.player.struck.at == BEGIN + 3 * HOUR
    assert made.player.struck.held == ("BTC/USDT", "ETH/USDT")
    assert made.venue.tape is made.exchange.tape is not TAPE
    assert made.venue.tape.pairs["BTC/USDT"].price(BEGIN + 4 * HOUR) == pytest.approx(0.7 * before)


def test_it_waits_for_a_full_book_and_then_for_one_position(tmp_path: Path) -> None:
    made = session("gap", tmp_path)
    made.buy("BTCUSDT", "0.1", BEGIN)
    made.loop(BEGIN + 5 * HOUR // 2)
    assert made.player.struck.at is None, "a slot is free"
    made.loop(BEGIN + 9 * HOUR // 2)
    assert made.player.struck.at == BEGIN + 5 * HOUR
    assert made.player.struck.held == ("BTC/USDT",)


def test_it_waits_for_a_position_and_not_for_ever(tmp_path: Path) -> None:
    made = session("gap", tmp_path)
    for half in range(4, 12):
        made.loop(BEGIN + half * HOUR // 2 + 1)
        assert made.player.struck.at is None
    made.loop(BEGIN + 13 * HOUR // 2)
    assert made.player.struck.at == BEGIN + 7 * HOUR
    assert made.player.struck.held == ()


def test_the_bot_looks_more_often_around_the_strike(tmp_path: Path) -> None:
    made = session("no_liquidity", tmp_path, (0.0, 0.0, 0.0))
    assert made.loop(BEGIN + HOUR - 60_000) == 61.0
    sleeps = [made.loop(BEGIN + hours * HOUR) for hours in (2, 3, 4, 7, 8)]
    assert sleeps == [120.0, 120.0, 300.0, 300.0, None], "while prices are on their way"


def test_an_outage_leaves_no_request_an_answer_until_it_is_over(tmp_path: Path) -> None:
    made = session("outage", tmp_path, (0.0, 0.0, 0.0))
    made.loop(BEGIN + HOUR - 60_000)
    call = Call("GET", "/api/v3/account", signed=True)
    answered = [made.faults.strike(call, BEGIN + hours * HOUR) is None for hours in (1, 2, 6, 7)]
    assert answered == [True, False, False, True]


def test_the_pair_of_the_largest_position_is_delisted(tmp_path: Path) -> None:
    made = session("delisting", tmp_path, (0.0, 0.0, 0.0))
    made.buy("BTCUSDT", "0.01", BEGIN)
    made.buy("ETHUSDT", "5", BEGIN)
    made.loop(BEGIN + HOUR - 60_000)
    made.loop(BEGIN + 6 * HOUR)
    assert not made.venue.closed
    made.loop(BEGIN + 7 * HOUR)
    assert made.venue.closed == {"ETHUSDT"}
    made.loop(BEGIN + 8 * HOUR)
    assert made.player.struck.stuck == ("ETH/USDT",)


def test_a_hack_stops_the_trade_and_takes_of_every_balance(tmp_path: Path) -> None:
    made = session("exchange_hack", tmp_path, (0.0, 0.0, 0.0))
    made.buy("BTCUSDT", "0.1", BEGIN)
    cash = made.venue.balances["USDT"]
    made.loop(BEGIN + HOUR - 60_000)
    made.loop(BEGIN + HOUR)
    assert made.venue.closed == {"BTCUSDT", "ETHUSDT"}
    made.loop(BEGIN + 2 * HOUR)
    assert made.player.struck.equity[BEGIN + 2 * HOUR] > cash, "what is closed is worth something"
    made.loop(BEGIN + 7 * HOUR)
    assert not made.venue.closed
    assert made.venue.balances["USDT"] == pytest.approx(cash * Decimal("0.64"))
    assert made.venue.balances["BTC"] == pytest.approx(Decimal("0.0999") * Decimal("0.64"))


def test_positions_without_a_stop_are_counted_from_the_strike_on(tmp_path: Path) -> None:
    made = session("gap", tmp_path, (0.0, 0.0, 0.0))
    made.buy("BTCUSDT", "0.1", BEGIN)
    made.buy("ETHUSDT", "1", BEGIN)
    for minutes in (59, 62, 64):
        made.loop(BEGIN + minutes * 60_000)
    assert made.player.struck.naked == {"BTC/USDT": 2}
    assert made.player.struck.left == ("BTC/USDT",)


def test_a_stablecoin_is_there_only_where_the_peg_is_lost() -> None:
    kept, lost = (Play(KNOWN[name], (0, 0, 0), 1, {}).prepare(TAPE) for name in ("gap", "depeg"))
    assert kept is TAPE
    assert set(lost.pairs) - set(PAIRS) == {"USDC/USDT"}


def test_the_account_by_hand() -> None:
    equity = [(1, 100), (2, 110), (3, 105), (4, 77), (5, 90)]
    struck = Struck(at=3, equity={time: Decimal(value) for time, value in equity})
    assert played._account(struck) == (105.0, 77.0, 90.0, pytest.approx(0.3))


def candles(folder: Path, pair: str, begin: str, days: int) -> None:
    dates = pd.date_range(begin, periods=24 * days, freq="1h", tz="UTC")
    flat = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    write_candles(folder, pair, pd.DataFrame({"date": dates, **flat}))


def test_missing_candles_are_named_with_the_line_that_gets_them(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "kraken"
    folder.mkdir(parents=True)
    candles(folder, "BTC/USDT", "2020-02-01", 60)
    candles(folder, "ETH/USDT", "2020-03-11", 20)
    user = {"exchange": {"name": "kraken", "pair_whitelist": [*PAIRS, "SOL/USDT"]}}
    config = tmp_path / "my config.json"
    config.write_text(json.dumps({**user, "timeframe": "1h"}), encoding="utf-8")
    options = RehearsalOptions(tmp_path, (config,))
    with pytest.raises(MissingCandles) as caught:
        rehearse_scenario(KNOWN["march_2020"], options)
    text = str(caught.value)
    assert "march_2020 was not played" in text
    assert "of SOL/USDT, ETH/USDT." in text
    assert f"freqtrade download-data -c '{config}' --userdir {tmp_path}" in text
    assert "--timeframes 1h --timerange 20200109-20200317 --prepend --pairs SOL/USDT" in text
    assert "--pair BTC/USDT" in text


def test_the_command_ends_with_2_where_candles_are_missing(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"exchange": {}, "timeframe": "1h"}), encoding="utf-8")
    given = ["-c", str(config), "--userdir", str(tmp_path), "--pair", "BTC/USDT", "--json"]
    done = CliRunner().invoke(app, ["rehearse", "--scenario", "may_2021,march_2020", *given])
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert told["played"] == []
    assert [text.split(" ")[0] for text in told["not played"]] == ["may_2021", "march_2020"]


def test_exits_that_could_not_be_sent_are_read_off_the_log(tmp_path: Path) -> None:
    log = tmp_path / "freqtrade.log"
    line = "01:00 - freqtradebot - WARNING - Unable to exit trade A/USDT: no amount. Wallet: 3\n"
    log.write_text(f"{line}x\n{line}", encoding="utf-8")
    assert played._unable(log) == {"A/USDT (no amount)": 2}


BUYS = """
from freqtrade.strategy import IStrategy


class Buys(IStrategy):
    timeframe = "1h"
    stoploss = -0.10
    minimal_roi = {"0": 9}
    order_types = {
        "entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": True,
    }

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A bot that always holds, through a gap."""
    home = tmp_path_factory.mktemp("scenario")
    (home / "Buys.py").write_text(BUYS, encoding="utf-8")
    config = {
        "stake_currency": "USDT",
        "stake_amount": "unlimited",
        "max_open_trades": 2,
        "dry_run": True,
        "dry_run_wallet": 10_000,
        "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other"},
        "exit_pricing": {"price_side": "other"},
    }
    file = home / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    layers = [config_dir() / f"{name}.json" for name in ("freqpilot", "guard")]
    options = RehearsalOptions(home, (file, *layers), "Buys", home, seed=7, speed=0, days=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(played, "LEAD_HOURS", 1.0)
        patch.setattr(played, "ANY_HOURS", 0.0)
        patch.setattr(played, "MOST_HISTORY_DAYS", 30)
        return rehearse_scenario(replace(KNOWN["gap"], hours=1.0), options)


@pytest.mark.slow
def test_a_bot_of_a_user_is_played_and_its_worst_day_is_told(outcome: Outcome) -> None:
    assert outcome.holds, outcome.breaches
    assert outcome.synthetic
    assert outcome.supervised
    assert set(outcome.held) == set(PAIRS)
    assert outcome.lowest < 0.95 * outcome.before
    assert outcome.drawdown >= 1 - outcome.lowest / outcome.before
    assert outcome.changed["cut max_position"] >= 2
    assert sum(outcome.exits.values()) == 2, "the stops were met"


def outcome_of(scenario: Scenario, **changed: Any) -> Outcome:
    moment = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
    made = Outcome(
        scenario=scenario.name, what=scenario.what, synthetic=scenario.recorded is None,
        supervised=True, currency="USDT", struck=moment, held=("BTC/USDT",), exposed=0.5,
        before=100.0, lowest=80.0, after=90.0, worth=90.0, drawdown=0.2, halts=(), exits={},
        changed={}, unstopped=(), stuck=(), naked={}, unsent={}, unable={}, breaches=(),
        expected=(), finished=True, folder="run",
    )  # fmt: skip
    return replace(made, **changed)


def test_what_is_shown_says_synthetic_and_what_broke(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    kept = outcome_of(KNOWN["gap"])
    broken = outcome_of(KNOWN["may_2021"], breaches=("stop: BTC has none",), halts=("at noon",))
    idle = outcome_of(KNOWN["depeg"], held=(), worth=79.2, supervised=False)
    assert kept.holds
    assert not broken.holds
    assert not replace(kept, struck=None).holds
    assert not replace(kept, finished=False).holds
    print_outcomes([kept, broken, idle], Console(width=140))
    said = " ".join(capsys.readouterr().out.split())
    for text in (
        "gap (SYNTHETIC)", "may_2021 (recorded)", "BREACH stop: BTC has none", "halted: at noon",
        "BROKEN", "played from 2026-01-02 00:00 UTC on", "nothing held",
        "there was nothing to lose", "79.20 USDT of before", "add Freqpilot's layers",
    ):  # fmt: skip
        assert text in said


@pytest.mark.parametrize(("changed", "status"), [({}, 0), ({"breaches": ("stop: none",)}, 1)])
def test_the_command_ends_with_1_where_something_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], status: int
) -> None:
    made = outcome_of(KNOWN["gap"], **changed)
    monkeypatch.setattr(played, "rehearse_scenario", lambda *_: made)
    done = CliRunner().invoke(app, ["rehearse", "--scenario", "gap", "--userdir", str(tmp_path)])
    assert done.exit_code == status
    assert ("BREACH" in done.stdout) == bool(status)
