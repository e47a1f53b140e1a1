"""The guide docs/yourbot.md, played word for word with the config and strategy that stand in it, on
invented candles and against the stand-in exchange."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from children import ROOT
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

GUIDE = (ROOT / "docs" / "yourbot.md").read_text(encoding="utf-8")
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 30
NOT_PLAYED = ("pip install", "freqtrade download-data", "freqtrade trade")
"""What needs the network, and what does not end."""

Run = Callable[..., subprocess.CompletedProcess[str]]


def block(language: str) -> str:
    """Return the guide's only block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, flags=re.M | re.S)
    return str(found)


def commands() -> list[str]:
    """Return what a reader types, in order."""
    return [
        line.removeprefix("$ ")
        for text in re.findall(r"^```console\n(.*?)^```", GUIDE, flags=re.M | re.S)
        for line in text.splitlines()
        if line.startswith("$ ")
    ]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A reader's folder with what section 1 names, and candles in place of the download."""
    strategies = tmp_path / "user_data" / "strategies"
    strategies.mkdir(parents=True)
    (tmp_path / "config.json").write_text(block("json"), encoding="utf-8")
    (strategies / "Dip.py").write_text(block("python"), encoding="utf-8")
    market = SyntheticMarket(PAIRS, 60, START, 24 * DAYS, 7)
    market.write_candles(tmp_path / "user_data" / "data" / "binance")
    end = (START + timedelta(days=DAYS)).timestamp()
    with RehearsalServer(Tape.from_market(market), lambda: end) as server:
        overlay = exchange_overlay(server.url, PAIRS)
        kept = {"exchange": overlay["exchange"], "freqpilot": {"synthetic": True}}
        (tmp_path / "standin.json").write_text(json.dumps(kept), encoding="utf-8")
        yield tmp_path


def test_the_guide_works_word_for_word(home: Path, freqtrade: Run, freqpilot: Run) -> None:
    said: list[str] = []
    for command in commands():
        if command.startswith(NOT_PLAYED):
            continue
        program, *arguments = shlex.split(command)
        if program == "freqtrade" or "--beside" in arguments:  # what asks an exchange
            arguments += ["-c", "standin.json"]
        done = {"freqtrade": freqtrade, "freqpilot": freqpilot}[program](*arguments)
        # The last step asks a store that a bot of section 5 would have written.
        wanted = 2 if "refusals" in command else 0
        assert done.returncode == wanted, f"{command}\n{done.stdout}{done.stderr}"
        said.append(" ".join((done.stdout + done.stderr).split()))
    _init, doctor, watch, beside, refusals = said
    assert "user_data/freqpilot/watch.json" in _init
    assert "is cut to 800.00" in doctor
    assert "the stop is 99% away" in doctor
    assert "would cut" in watch
    assert "would close │ catastrophe_stop" in watch
    alone, guard = beside_trades(beside)
    assert alone == trades(watch) > 5, "watch changes no trade"
    assert guard > 0
    assert "cut │ max_position" in beside or "refused │" in beside
    assert (home / "report.html").stat().st_size > 1_000_000
    assert "no bot has written the store" in refusals


def trades(said: str) -> int:
    """Return how many trades a backtest's tables tell of."""
    found = re.search(r"Total/Daily Avg Trades\s*│\s*(\d+) /", said)
    assert found is not None, said[-3_000:]
    return int(found[1])


def beside_trades(said: str) -> tuple[int, int]:
    """Return how many trades there are without the supervisor and with it."""
    found = re.search(r"│ Trades\s*│\s*(\d+) │\s*(\d+) │", said)
    assert found is not None, said[-3_000:]
    return int(found[1]), int(found[2])
