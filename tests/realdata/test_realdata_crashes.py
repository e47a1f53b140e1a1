"""Real crashes with the worst strategy that fits through the gate."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.safety import crashes


@pytest.mark.parametrize("crash", ["March 2020", pytest.param("May 2021", marks=pytest.mark.proof)])
def test_a_halt_bounds_what_a_crash_takes(realdata: Path, tmp_path: Path, crash: str) -> None:
    supervised: dict[str, Any] = dict(crashes._variants()[0][1])
    run = crashes.play(
        realdata / "candles" / "binance", *crashes.CRASHES[crash], tmp_path, **supervised
    )
    found = crashes.figures_of(run)
    gap = found["largest fall of equity in two candles"]
    assert found["deepest drawdown"] <= crashes.LIMIT + gap
    assert found["halted at the end"]
    assert found["closed by the halt"] >= 3
    last = run.trades["close_date"].max()
    assert (run.trades["open_date"] <= last).all(), "nothing is opened after the halt"
