"""What the price did after an order that was not sent as it was asked for."""

import io
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control.shadows import Outcome, by_rule, outcome, print_shadows, record
from freqpilot.shapes import Candles
from freqpilot.store import ShadowOrder, open_store

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDER = ShadowOrder(
    ledger="ledger live",
    kind="refused",
    pair="BTC/USDT",
    purpose="entry",
    rule="max_position",
    candle=NOON,
    time=NOON + timedelta(minutes=20),
    side="long",
    tag="dip",
    rate=100.0,
    leverage=1.0,
    stake=300.0,
    allowed=0.0,
    reason="too large",
)
CLOSES = [100.0, 110.0, 90.0, 105.0, 120.0, 150.0]


def candles(closes: list[float] = CLOSES, begin: datetime = NOON) -> Candles:
    """Hourly candles from noon on, 5 around their close."""
    close = np.array(closes)
    start = int(begin.timestamp() * 1e9)
    date = start + np.arange(len(close), dtype=np.int64) * 3_600_000_000_000
    return Candles(date, close, close + 5, close - 5, close, np.ones(len(close)))


def test_only_candles_that_open_after_the_order_count() -> None:
    """That of noon held the order of 12:20, so its high may have been before."""
    found = outcome(ORDER, candles([500.0, *CLOSES[1:]]), 3)
    assert found == (pytest.approx(0.05), pytest.approx(0.15), pytest.approx(-0.15), 3)
    first = outcome(replace(ORDER, time=NOON), candles(), 1)
    assert first is not None
    assert (first.change, first.candles) == (0.0, 1)


def test_a_short_gains_what_the_price_falls() -> None:
    found = outcome(replace(ORDER, side="short"), candles(), 3)
    assert found == (pytest.approx(-0.05), pytest.approx(0.15), pytest.approx(-0.15), 3)


@pytest.mark.parametrize(
    ("order", "held"),
    [
        (replace(ORDER, rate=math.nan), candles()),
        (replace(ORDER, rate=0.0), candles()),
        (ORDER, candles(CLOSES[:1])),  # no candle since
        (replace(ORDER, time=NOON + 9 * HOUR), candles()),
        (ORDER, candles([])),
        (ORDER, candles([100.0, math.nan])),
    ],
)
def test_what_no_candle_tells_is_left_out(order: ShadowOrder, held: Candles) -> None:
    assert outcome(order, held, 24) is None


@given(st.lists(st.floats(1, 1e6), min_size=6, max_size=6), st.integers(0, 4))
def test_what_was_before_the_order_changes_nothing(past: list[float], hour: int) -> None:
    order = replace(ORDER, time=NOON + hour * HOUR + timedelta(minutes=1))
    other = [*past[: hour + 1], *CLOSES[hour + 1 :]]
    assert outcome(order, candles(other), 24) == outcome(order, candles(), 24)


GAINED, LOST = Outcome(0.10, 0.20, -0.05, 24), Outcome(-0.04, 0.01, -0.09, 24)


def test_a_record_holds_all_of_it() -> None:
    found = json.loads(json.dumps(record(replace(ORDER, stake=math.nan), GAINED), allow_nan=False))
    assert found["time"] == "2024-03-06T12:20:00+00:00"
    assert (found["rule"], found["stake"], found["sent"]) == ("max_position", None, False)
    assert found["since"] == {"change": 0.1, "best": 0.2, "worst": -0.05, "candles": 24}
    assert record(ORDER, None)["since"] is None
    assert record(replace(ORDER, kind="watch"), None)["sent"] is True


def test_rules_are_summed_up() -> None:
    paper = replace(ORDER, kind="paper", rule="halted")
    rows = by_rule([(ORDER, GAINED), (ORDER, LOST), (ORDER, None), (paper, None)])
    assert rows == [
        ("refused", "max_position", "3", "2", "+3.0%", "1"),
        ("on paper", "halted", "1", "0", "–", "–"),
    ]


def test_they_are_a_table() -> None:
    out = io.StringIO()
    console = Console(file=out, width=160, color_system=None)
    print_shadows([(ORDER, GAINED), (replace(ORDER, tag="[x]", stake=math.nan), None)], 24, console)
    text = out.getvalue()
    for word in ("after 24 h", "+10.0%", "-5.0%", "entry long", "[x]", "300.00", "would have"):
        assert word in text
    assert "nan" not in text


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    store.save_state("ledger live", {}, NOON)
    store.close()
    return tmp_path


def shown(home: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["refusals", "--shadow", "--userdir", str(home), *options])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def keep(home: Path, *orders: ShadowOrder) -> None:
    store = open_store(f"sqlite:///{home}/freqpilot.sqlite")
    store.add_shadows(orders)
    store.close()


def test_the_command_reads_the_candles_of_the_bot(home: Path) -> None:
    assert "no order was refused or judged yet" in shown(home)
    keep(home, ORDER, replace(ORDER, pair="ETH/USDT"))
    folder = home / "data"
    folder.mkdir()
    held = candles()
    columns: dict[str, Any] = {name: getattr(held, name) for name in held._fields[1:6]}
    frame = pd.DataFrame({"date": pd.to_datetime(held.date, utc=True), **columns})
    frame.to_feather(folder / "BTC_USDT-1h.feather")
    text = shown(home, "--hours", "3", "--datadir", str(folder))
    assert "+5.0%" in text
    assert "what ETH/USDT did since is not in the 1h candles" in text
    assert "freqtrade download-data" in text
    first, second = json.loads(shown(home, "--json", "--hours", "3", "--datadir", str(folder)))
    assert first["since"]["candles"] == 3
    assert second["since"] is None
    assert len(json.loads(shown(home, "--json", "--limit", "1"))) == 1


def test_without_a_folder_of_candles_the_orders_are_shown(home: Path) -> None:
    keep(home, ORDER)
    assert "what BTC/USDT did since is not in the 1h candles" in shown(home)
