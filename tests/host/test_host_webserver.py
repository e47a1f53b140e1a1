"""The pack and the user's own plug-ins in ``webserver``, ``test-pairlist`` and ``backtesting``."""

import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from children import child_environment
from freqpilot.host.commands.init import init
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.signals.regimes import NAMES

pytestmark = pytest.mark.slow

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
PAIRLIST = """
from freqtrade.plugins.pairlist.IPairList import IPairList, SupportsBacktesting


class LastOnly(IPairList):
    supports_backtesting = SupportsBacktesting.YES

    @property
    def needstickers(self):
        return False

    def short_desc(self):
        return "the last pair"

    @staticmethod
    def description():
        return "Keep the last pair."

    def filter_pairlist(self, pairlist, tickers):
        return pairlist[-1:]
"""
PROTECTION = """
from pathlib import Path

from freqtrade.plugins.protections import IProtection, ProtectionReturn


class NeverTrade(IProtection):
    has_global_stop = True
    has_local_stop = False

    def short_desc(self):
        return "never"

    def global_stop(self, date_now, side, starting_balance=0.0):
        Path("asked").touch()
        return None

    def stop_per_pair(self, pair, date_now, side, starting_balance=0.0):
        return None
"""
STRATEGY = """
from freqtrade.strategy import IStrategy


class Busy(IStrategy):
    timeframe = "1h"
    stoploss = -0.1
    minimal_roi = {"0": 0.001}
    protections = [{"method": "NeverTrade", "stop_duration_candles": 2}]

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Return a function that gives a command's configs; the user's own plug-ins are there."""
    user_data = tmp_path / "user_data"
    folder = init(user_data).folder
    (user_data / "pairlists" / "LastOnly.py").write_text(PAIRLIST)
    (user_data / "protections" / "NeverTrade.py").write_text(PROTECTION)
    (user_data / "strategies" / "Busy.py").write_text(STRATEGY)
    (user_data / "strategies" / "Careful.py").write_text(CAREFUL)
    # The same hour whenever the test runs: the trades of a backtest, and its locks, hang on it.
    today = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)
    market = SyntheticMarket(PAIRS, 60, today - timedelta(days=40), 24 * 42, 7)
    market.write_candles(tmp_path / "candles")
    now = datetime.now(UTC).timestamp()
    with RehearsalServer(Tape.from_market(market), lambda: now) as server:

        def arguments(**overlay: Any) -> list[str]:
            file = tmp_path / "overlay.json"
            file.write_text(json.dumps(exchange_overlay(server.url, PAIRS) | overlay))
            files = [folder / "base.json", folder / "freqpilot.json", file]
            return [*(part for f in files for part in ("-c", str(f))), "--userdir", "user_data"]

        yield arguments


CAREFUL = STRATEGY.replace("class Busy", "class Careful").replace(
    '[{"method": "NeverTrade", "stop_duration_candles": 2}]',
    str(
        [
            {"method": "LosingStreak", "losses": 1, "stop_duration_candles": 6},
            {"method": "LossLimit", "daily": 0.001},
            {"method": "MarketShock", "fall": 0.003, "period": 24, "stop_duration": 1440},
            {"method": "CooldownByRegime", "stop_duration_candles": 2},
            {"method": "CapitalPreservation"},
            {"method": "ApiErrorRate"},
            {"method": "StaleData"},
        ]
    ),
)
FORMS = {
    "CorrelationFilter",
    "Liquidity",
    "NewListing",
    "RegimeFilter",
    "SectorCap",
    "SpreadAtSize",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_test_pairlist_runs_the_packs_and_the_users(
    home: Callable[..., list[str]], freqtrade: Run
) -> None:
    chain = [{"method": "StaticPairList"}, {"method": "CorrelationFilter"}, {"method": "LastOnly"}]
    done = freqtrade("test-pairlist", *home(pairlists=chain), "--print-json")
    assert json.loads(done.stdout) == ["SOL/USDT"], done.stderr[-3000:]


def test_test_pairlist_asks_the_exchange(home: Callable[..., list[str]], freqtrade: Run) -> None:
    every = [*NAMES]
    chain = [
        {"method": "StaticPairList"},
        {"method": "SectorCap", "max_per_sector": 1},  # ETH and SOL are both layer 1
        {"method": "NewListing", "min_days": 10, "max_days": 900},
        {"method": "RegimeFilter", "regimes": every},
        {"method": "Liquidity", "stake": 1, "volume_multiple": 1, "depth_multiple": 1},
        {"method": "SpreadAtSize", "size": 1, "max_cost": 0.05},
    ]
    done = freqtrade("test-pairlist", *home(pairlists=chain), "--print-json")
    assert json.loads(done.stdout) == ["BTC/USDT", "ETH/USDT"], done.stderr[-3000:]
    chain[-1]["size"] = 1e12
    done = freqtrade("test-pairlist", *home(pairlists=chain), "--print-json")
    assert json.loads(done.stdout) == [], done.stderr[-3000:]


def backtest(freqtrade: Run, home: Callable[..., list[str]], strategy: str, folder: Path) -> str:
    end = datetime.now(UTC)
    span = f"{end - timedelta(days=12):%Y%m%d}-{end - timedelta(days=1):%Y%m%d}"
    done = freqtrade(
        *("backtesting", *home(pairlists=[{"method": "StaticPairList"}], stake_amount=100)),
        *("--strategy", strategy, "--timerange", span, "--datadir", str(folder)),
        *("--cache", "none"),
    )
    return done.stdout + done.stderr


def test_the_packs_protections_in_a_backtest(
    home: Callable[..., list[str]], freqtrade: Run, tmp_path: Path
) -> None:
    assert "Result for strategy Careful" in backtest(
        freqtrade, home, "Careful", tmp_path / "candles"
    )
    (archive,) = (tmp_path / "user_data" / "backtest_results").glob("backtest-result-*.zip")
    with zipfile.ZipFile(archive) as opened:
        stats = json.loads(opened.read(f"{archive.stem}.json"))["strategy"]["Careful"]
    reasons = " ".join(lock["reason"] for lock in stats["locks"])
    for words in (
        "losing trades in a row",
        "loss of the day",
        "Cooldown of",
        "market shock of BTC",
    ):
        assert words in reasons
    assert "not known" not in reasons.replace("volatility not known", "")
    (tmp_path / "candles" / "BTC_USDT-1h.feather").unlink()
    text = backtest(freqtrade, home, "Careful", tmp_path / "candles")
    assert "MarketShock cannot see the reference market" in " ".join(text.split())
    assert "download-data" in text


def test_a_users_own_protection_is_asked_in_a_backtest(
    home: Callable[..., list[str]], freqtrade: Run, tmp_path: Path
) -> None:
    end = datetime.now(UTC)
    span = f"{end - timedelta(days=5):%Y%m%d}-{end - timedelta(days=1):%Y%m%d}"
    done = freqtrade(
        *("backtesting", *home(pairlists=[{"method": "StaticPairList"}], stake_amount=100)),
        *("--strategy", "Busy"),
        *("--timerange", span, "--datadir", str(tmp_path / "candles"), "--cache", "none"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "asked").exists()


def test_the_webserver_offers_and_evaluates_the_pairlists(
    home: Callable[..., list[str]], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = {
        "enabled": True,
        "listen_ip_address": "127.0.0.1",
        "listen_port": port,
        "username": "user",
        "password": "secret",
        "jwt_secret_key": "a secret of the test that is long enough",
    }
    command = [sys.executable, "-m", "freqtrade", "webserver", *home(api_server=api)]
    log = (tmp_path / "webserver.log").open("w")
    child = subprocess.Popen(
        command, cwd=tmp_path, env=child_environment(), stdout=log, stderr=subprocess.STDOUT
    )
    transport = httpx.HTTPTransport(retries=8)  # waits longer from try to try, until it listens
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            transport=transport,
            auth=("user", "secret"),
            timeout=30,
        ) as client:
            offered = {p["name"]: p for p in client.get("/pairlists/available").json()["pairlists"]}
            assert {"CorrelationFilter", "LastOnly", "StaticPairList"} <= set(offered)
            for name in FORMS:
                params = offered[name]["params"]
                assert params, "FreqUI draws its form from these"
                assert all(each["description"] for each in params.values())
                assert offered[name]["description"].startswith("Filter pairs ")
                assert not offered[name]["is_pairlist_generator"]
            sent = {name: each["default"] for name, each in offered["SectorCap"]["params"].items()}
            sent |= {"method": "SectorCap", "max_per_sector": 1}
            for last, left in [({"method": "LastOnly"}, PAIRS[2:]), (sent, PAIRS[:2])]:
                body = {"pairlists": [{"method": "StaticPairList"}, last], "blacklist": []}
                job = client.post("/pairlists/evaluate", json=body | {"stake_currency": "USDT"})
                assert _finished(client, job.json()["job_id"])["whitelist"] == list(left)
    finally:
        child.terminate()
        child.wait(60)
        log.close()


def _finished(client: httpx.Client, job: str) -> dict[str, Any]:
    """Ask until the job is done; each answer is a request, so this needs no sleep."""
    for _ in range(3_000):
        state = client.get(f"/background/{job}").json()
        if not state["running"]:
            answer: dict[str, Any] = client.get(f"/pairlists/evaluate/{job}").json()
            return answer["result"]
    raise AssertionError("the evaluation did not end")
