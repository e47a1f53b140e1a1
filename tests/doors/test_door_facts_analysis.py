"""Freqtrade's own analyses of the strategies that read facts, on SYNTHETIC candles."""

import re
from pathlib import Path

import pytest
from fact_stage import BREAK, GOOD, PRICE, Child, Stage, flat, hours, settings

from freqpilot.shapes import Fact

pytestmark = pytest.mark.slow

STRATEGIES = ("MemeMomentum", "EventDriven")
COINS = tuple(f"C{number}" for number in range(6))
PAIR = f"{COINS[0]}/USDT"


@pytest.fixture
def stage(freqtrade: Child, tmp_path: Path) -> Stage:
    """Return coins that are entered by both strategies, an hour after one another."""
    made = Stage(tmp_path, freqtrade)
    tables = {
        coin: [*flat(*[100.0] * late), *BREAK, *flat(PRICE, PRICE, 100.5, 110)]
        for late, coin in enumerate(COINS)
    }
    made.candles(tables, 75)
    made.know(
        Fact("test", coin, metric, value, hours(hour + late), hours(hour + late))
        for late, coin in enumerate(COINS)
        for metric, rows in {**GOOD, "event_partnership": [(-0.5, 1.0)]}.items()
        for hour, value in rows
    )
    return made


def test_lookahead_analysis_finds_no_bias(stage: Stage) -> None:
    done = stage.run(
        "lookahead-analysis",
        list(STRATEGIES),
        *("--timerange", f"{int(hours(-24).timestamp())}-", "--fee", "0.001"),
        *("--minimum-trade-amount", "5", "--targeted-trade-amount", "5"),
        **settings(*COINS, supervisor=False),
    )
    found = re.findall(r"\.py +│ +(\w+) +│ +(\w+) +│ +(\d+) +│ +(\d+) +│ +(\d+)", done.stdout)
    assert {row[0] for row in found} == set(STRATEGIES), done.stdout[-3000:] + done.stderr[-3000:]
    for _, bias, signals, *biased in found:
        assert bias == "No", done.stdout[-3000:]
        assert int(signals) >= 5
        assert biased == ["0", "0"], done.stdout[-3000:]


@pytest.mark.parametrize(
    "strategy", ["EventDriven", pytest.param("MemeMomentum", marks=pytest.mark.proof)]
)
def test_recursive_analysis_stays_under_a_tenth_of_a_percent(strategy: str, stage: Stage) -> None:
    time = f"{int(hours(-24).timestamp())}-{int(hours(70).timestamp())}"
    given = ("--timerange", time, "-p", PAIR)
    done = stage.run("recursive-analysis", [strategy], *given, **settings(*COINS))
    said = " ".join((done.stdout + done.stderr).split())
    assert "No lookahead bias on indicators found" in said, said[-3000:]
    own = [
        figure for line in done.stdout.splitlines() for figure in re.findall(r"(-?\d+\.\d+)%", line)
    ]
    assert all(abs(float(figure)) < 0.1 for figure in own), done.stdout
