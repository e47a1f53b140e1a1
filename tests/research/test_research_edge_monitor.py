"""The benchmark of the edge monitor: its controls are what they say, its page has every figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.worth import edge_monitor, edge_monitor_page
from candle_files import random_walk, write_candles
from freqpilot.settings import EdgeSettings, LabelSettings

DAYS = 330
FIRST = pd.Timestamp("2024-01-01", tz="UTC")
LABELS = LabelSettings()
EDGE = EdgeSettings(evidence=10, min_ic=0.3, memory=20)


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> edge_monitor.Panel:
    monkeypatch.setattr(edge_monitor, "DAYS", 110)
    monkeypatch.setattr(edge_monitor, "DRAWS", 2)
    monkeypatch.setattr(edge_monitor, "LEAST_SHIFT", 20 * 24)
    for seed, coin in enumerate(("ADA", "BTC")):
        write_candles(tmp_path, f"{coin}/USDT", random_walk(seed, FIRST, DAYS * 24))
    stop = str((FIRST + pd.Timedelta(days=DAYS)).date())
    return edge_monitor.read(tmp_path, (LABELS.horizon,), 1, str(FIRST.date()), stop)


def test_the_controls_are_silenced_by_what_they_know(panel: edge_monitor.Panel) -> None:
    frozen, stop = (
        int((FIRST + pd.Timedelta(days=day)).value // edge_monitor.HOUR) for day in (110, DAYS)
    )
    base = edge_monitor.forecasts(panel, "linear", frozen, stop, LABELS)
    assert {hour[0] for hour, _ in base.values()} == {frozen}
    cases = edge_monitor.controls(panel, base, LABELS, EDGE)
    ic = [case["pair"]["ic"] for case in cases]
    assert ic[1] < ic[2] < ic[3]
    assert abs(ic[0]) < 0.1
    strong = edge_monitor.planted(panel, base, LABELS, 0.9)
    found = edge_monitor.measure("strong", panel, [strong], LABELS, EDGE)
    assert found["pair"]["silenced"] == 0
    assert found["pair"]["factor"] > 0.9
    wrong = {pair: (hour, -lean) for pair, (hour, lean) in strong.items()}
    lost = edge_monitor.measure("wrong", panel, [wrong], LABELS, EDGE)
    assert lost["pair"]["silenced"] == 1
    assert lost["pair"]["days"][1] < 60
    page = edge_monitor_page.section(
        {
            "settings": EDGE.model_dump(),
            "pairs": list(base),
            "frozen": "a",
            "stop": "b",
            "horizon": 12,
            "draws": 2,
            "cases": [*cases, found, lost],
            "cpu_seconds": 1.0,
            "data_digest": "d",
            "seed": 1,
        }
    )
    assert page.startswith(edge_monitor_page.BEGIN)
    assert page.count("| the group |") == page.count("| the least of them |") == len(cases) + 2
    assert "before its end" in page


def test_no_forecast_of_the_frozen_model_sees_what_follows(panel: edge_monitor.Panel) -> None:
    frozen = int((FIRST + pd.Timedelta(days=110)).value // edge_monitor.HOUR)
    short = edge_monitor.forecasts(panel, "linear", frozen, frozen + 100, LABELS)
    long = edge_monitor.forecasts(panel, "linear", frozen, frozen + 900, LABELS)
    for pair, (_, lean) in short.items():
        np.testing.assert_array_equal(lean, long[pair][1][:100])
