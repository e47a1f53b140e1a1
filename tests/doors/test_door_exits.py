"""Autopilot's exits on tables of candles, through plain ``freqtrade backtesting``.

Each pair is one table. Before it the candles are alike (99…101, so the ATR is 2); the trade is
entered at 100 on the table's first candle. Per method one table trips and one just does not.
"""

import json
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from candle_files import write_candles
from freqpilot.host.boot.doors import door_dir
from freqpilot.host.commands.init import init
from freqpilot.rehearsal.clock import FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

pytestmark = pytest.mark.slow

Candle = tuple[float, float, float, float]
Run = Callable[..., dict[str, dict[str, Any]]]
START = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE, AFTER = 700, 40
ENTRY = START + timedelta(hours=BEFORE)

STRATEGY = f"""
import sys
sys.path.insert(0, {str(door_dir("strategies"))!r})
import pandas as pd
from Autopilot import Autopilot


class Table(Autopilot):
    def populate_indicators(self, dataframe, metadata):
        dataframe = super().populate_indicators(dataframe, metadata)
        regime = self.config.get("regime_of", {{}}).get(metadata["pair"], "")
        return dataframe.assign(regime=regime, regime_probability=0.9)

    def populate_entry_trend(self, dataframe, metadata):
        last = pd.Timestamp("{ENTRY.isoformat()}") - pd.Timedelta("1h")
        dataframe["enter_long"] = (dataframe["date"] == last).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe

    def custom_stake_amount(self, **call):
        return 100.0
"""


def write(folder: Path, pair: str, table: list[Candle]) -> None:
    last = table[-1][3]
    rows = [(100.0, 101.0, 99.0, 100.0)] * BEFORE + table
    rows += [(last, last * 1.0001, last * 0.9999, last)] * AFTER
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"])
    dates = pd.date_range(START, periods=len(rows), freq="1h")
    frame.insert(0, "date", dates.astype("datetime64[ms, UTC]"))
    frame["volume"] = 1000.0
    write_candles(folder, pair, frame)


@pytest.fixture
def run(freqtrade: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Run:
    """Return a function that backtests tables by pair with settings, and with what else the config
    has, and returns its trades."""
    folder = init(tmp_path / "user_data").folder
    (tmp_path / "user_data" / "strategies").mkdir(exist_ok=True)
    (tmp_path / "user_data" / "strategies" / "Table.py").write_text(STRATEGY)
    data = tmp_path / "candles"
    data.mkdir()

    def backtest(
        settings: dict[str, Any], tables: dict[str, list[Candle]], **config: Any
    ) -> dict[str, dict[str, Any]]:
        pairs = tuple(tables)
        for pair, table in tables.items():
            write(data, pair, table)
        tape = Tape.from_folder(data, "1h", pairs)
        with RehearsalServer(tape, FixedClock(ENTRY)) as server:
            overlay = exchange_overlay(server.url, pairs) | {
                "pairlists": [{"method": "StaticPairList"}],
                # The tables' candles are alike, which the regimes take for a calm market.
                "freqpilot": {
                    "supervisor": False,
                    "risk": {"exits": settings},
                    "signals": {"regimes": {"enabled": False}},
                },
                "max_open_trades": 10,
                **config,
            }
            (tmp_path / "overlay.json").write_text(json.dumps(overlay))
            files = [folder / f"{name}.json" for name in ("base", "autopilot", "freqpilot")]
            layers = [p for f in (*files, tmp_path / "overlay.json") for p in ("-c", str(f))]
            done = freqtrade(
                *("backtesting", *layers, "--strategy", "Table", "--userdir", "user_data"),
                *("--datadir", str(data), "--fee", "0.001", "--cache", "none"),
            )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        assert "exception" not in done.stderr.lower(), done.stderr[-4000:]
        latest = max((tmp_path / "user_data" / "backtest_results").glob("*.zip"))
        with zipfile.ZipFile(latest) as archive:
            found = json.loads(archive.read(f"{latest.stem}.json"))["strategy"]["Table"]
        trades = {trade["pair"]: trade for trade in found["trades"]}
        assert set(trades) == set(tables)
        assert all(trade["open_rate"] == pytest.approx(100.0) for trade in trades.values())
        return trades

    return backtest


def ended(trade: dict[str, Any]) -> tuple[str, Any, int]:
    """Return why, at which price and on which candle of the table a trade ended."""
    closed = datetime.fromtimestamp(trade["close_timestamp"] / 1000, UTC)
    hours = int((closed - ENTRY).total_seconds() // 3600)
    return trade["exit_reason"], pytest.approx(trade["close_rate"], rel=1e-4), hours


def held(trade: dict[str, Any]) -> bool:
    return bool(trade["exit_reason"] == "force_exit")


CALM: Candle = (100.0, 100.5, 99.5, 100.0)
RISE: Candle = (100.0, 110.0, 99.6, 109.0)
RISEN_ATR = 2 + (10.4 - 2) / 14
"""Wilder's ATR after the first candle of the table is ``RISE``."""


def dip(low: float, around: float = 100.0) -> Candle:
    return around, around, low, around


@pytest.mark.parametrize(
    ("settings", "lead", "stop", "reason"),
    [
        ({"stops": ["atr"]}, [CALM], 96.0, "stop_loss"),
        pytest.param(
            *({"stops": ["percentage"], "percentage": 0.03}, [CALM], 97.0, "stop_loss"),
            marks=pytest.mark.proof,  # the next one ends by it too
        ),
        ({"stops": ["atr", "percentage"], "percentage": 0.03}, [CALM], 97.0, "stop_loss"),
        ({"stops": ["trailing"]}, [RISE], 104.5, "trailing_stop_loss"),
        pytest.param(
            *({"stops": ["chandelier"]}, [RISE], 110 - 3 * RISEN_ATR, "trailing_stop_loss"),
            marks=pytest.mark.proof,  # a formula of tests/risk, on the way of "trailing"
        ),
        (
            {"stops": ["structure"], "structure_atr_buffer": 0.0},
            [CALM, CALM, dip(97.0), *[CALM] * 5],
            97.0,
            "trailing_stop_loss",
        ),
    ],
    ids=["atr", "percentage", "nearest", "trailing", "chandelier", "structure"],
)
def test_stop(
    settings: dict[str, Any], lead: list[Candle], stop: float, reason: str, run: Run
) -> None:
    price = lead[-1][3]
    trades = run(
        settings,
        {
            "BTC/USDT": [*lead, dip(stop - 0.05, price)],
            "ETH/USDT": [*lead, dip(stop + 0.05, price)],
        },
    )
    assert ended(trades["BTC/USDT"]) == (reason, stop, len(lead))
    assert held(trades["ETH/USDT"])


def test_a_price_beyond_the_new_stop_ends_the_trade_at_the_next_open(run: Run) -> None:
    spike = (100.0, 110.0, 99.6, 104.0)  # trails to 104.5
    kept = (100.0, 110.0, 99.6, 105.0)
    trades = run(
        {"stops": ["trailing"]},
        {
            "BTC/USDT": [spike, (104.0, 108.0, 103.9, 107.0)],
            "ETH/USDT": [kept, (105.0, 108.0, 104.9, 107.0)],
        },
    )
    assert ended(trades["BTC/USDT"]) == ("stop_passed", 104.0, 1)
    assert held(trades["ETH/USDT"])


def test_time(run: Run) -> None:
    up = (100.5, 100.6, 100.4, 100.5)
    trades = run(
        {"stops": ["time"]},
        {
            "BTC/USDT": [CALM] * 8,
            "ETH/USDT": [(100.0, 100.6, 99.5, 100.5), *[up] * 30],
            "SOL/USDT": [(100.0, 101.1, 99.5, 100.5), *[up] * 30],
        },
    )
    assert ended(trades["BTC/USDT"]) == ("time_unprofitable", 100.0, 6)
    assert ended(trades["ETH/USDT"]) == ("time_flat", 100.5, 24)
    assert held(trades["SOL/USDT"])


def sales(trade: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    bought = trade["orders"][0]["amount"]
    return [
        (o["ft_order_tag"], pytest.approx(o["amount"] / bought, abs=0.001), o["safe_price"])
        for o in trade["orders"]
        if not o["ft_is_entry"]
    ]


def flat(*prices: float) -> list[Candle]:
    return [(price, price + 0.1, price - 0.1, price) for price in prices]


def test_targets(run: Run) -> None:
    settings = {"stops": ["atr"], "targets": True}
    trades = run(
        settings,
        {
            "BTC/USDT": flat(100, 105.1, 105.1, 104, 105.1, 110.1, 120.1, 125, 118.5),
            "ETH/USDT": flat(100, 104.9),
            "SOL/USDT": flat(100, 112, 112),
        },
    )
    assert sales(trades["BTC/USDT"]) == [
        ("target_1", 0.3, 105.1),
        ("target_2", 0.3, 110.1),
        ("target_3", 0.3, 120.1),
        ("stop_passed", 0.1, 118.5),  # below 125.1 × 0.95 at the open
    ]
    assert held(trades["ETH/USDT"])
    assert [tag for tag, *_ in sales(trades["ETH/USDT"])] == ["force_exit"]
    assert sales(trades["SOL/USDT"]) == [("target_2", 0.6, 112.0), ("force_exit", 0.4, 112.0)]


def test_regimes_move_targets_and_trail(run: Run) -> None:
    trailed = 104.1 * 0.95
    trades = run(
        {"stops": ["atr"], "targets": True},
        {
            "BTC/USDT": flat(100, 105.1, 107.6, 107.6),
            "ETH/USDT": flat(100, 103.4, 103.4),
            "SOL/USDT": flat(100, 103.4),
            "XRP/USDT": [*flat(100, 104), dip(trailed - 0.05, 103)],
            "ADA/USDT": [*flat(100, 104), dip(trailed + 0.05, 103)],
            "DOT/USDT": [*flat(100, 104), dip(trailed - 0.05, 103)],
        },
        regime_of={
            **dict.fromkeys(("BTC/USDT", "XRP/USDT", "ADA/USDT"), "trending_bullish"),
            "ETH/USDT": "range_bound",
        },
    )
    assert sales(trades["BTC/USDT"])[0] == ("target_1", 0.3, 107.6)
    assert sales(trades["ETH/USDT"])[0] == ("target_1", 0.3, 103.4)
    assert [tag for tag, *_ in sales(trades["SOL/USDT"])] == ["force_exit"]
    assert ended(trades["XRP/USDT"]) == ("trailing_stop_loss", trailed, 2)
    assert held(trades["ADA/USDT"])
    assert held(trades["DOT/USDT"])


def test_memes_scale_out(run: Run) -> None:
    calm, moved = (100.0, 109.9, 90.1, 100.0), (100.0, 110.1, 90.1, 100.0)
    trades = run(
        {"meme": {"enabled": True}},
        {
            "DOGE/USDT": flat(100, 199, 201, 201, 501, 1001, 300, 150),
            "SHIB/USDT": [CALM, dip(69.9)],
            "PEPE/USDT": [CALM, dip(70.1)],
            "WIF/USDT": [calm] * 62,
            "BONK/USDT": [moved] * 62,
            "SOL/USDT": [CALM, dip(95.9)],
            "ADA/USDT": flat(100, 130),
        },
        stoploss=-0.30,
    )
    assert sales(trades["DOGE/USDT"]) == [
        ("target_1", 0.25, 201.0),
        ("target_2", 0.25, 501.0),
        ("target_3", 0.25, 1001.0),
        ("force_exit", 0.25, 150.0),
    ]
    assert ended(trades["SHIB/USDT"]) == ("stop_loss", 70.0, 1)
    assert held(trades["PEPE/USDT"])
    assert ended(trades["WIF/USDT"]) == ("time_flat", 100.0, 60)
    assert held(trades["BONK/USDT"])
    assert ended(trades["SOL/USDT"]) == ("stop_loss", 96.0, 1)
    assert [tag for tag, *_ in sales(trades["ADA/USDT"])] == ["force_exit"]


def test_a_memes_stop_is_the_strategys_where_that_is_nearer(run: Run) -> None:
    trades = run(
        {"meme": {"enabled": True}},
        {"DOGE/USDT": [CALM, dip(89.9)], "SHIB/USDT": [CALM, dip(90.1)]},
    )
    assert ended(trades["DOGE/USDT"]) == ("stop_loss", 90.0, 1)
    assert held(trades["SHIB/USDT"])
