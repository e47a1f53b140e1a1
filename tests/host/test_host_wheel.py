"""The built wheel in an empty venv, used from a folder outside the repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, child_environment

SCRIPT = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from freqpilot.host.doors import config_dir, door_dir
from freqpilot.rehearsal.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market import SyntheticMarket
home = Path(sys.argv[1])
assert "site-packages" in str(door_dir("strategies")), door_dir("strategies")
assert "site-packages" in str(config_dir()), config_dir()
start = datetime(2026, 1, 1, tzinfo=UTC)
pairs = ("BTC/USDT", "ETH/USDT")
SyntheticMarket(pairs, 60, start, 24 * 30, 7).write_candles(home / "data")
print(run_backtest(BacktestOptions(
    home / "data", pairs, start + timedelta(days=28), start + timedelta(days=29), home,
    layers=("base", "autopilot", "freqpilot"),
)))
"""


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it, with its locked dependencies, into an empty venv."""
    home = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", home / "dist", ROOT, cwd=home)
    (wheel,) = (home / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    lock = ROOT / "requirements.lock"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", lock, wheel, cwd=home)
    return python


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_a_wheel_works_without_the_repository(installed: Path, tmp_path: Path) -> None:
    assert os.path.commonpath([ROOT, tmp_path]) != str(ROOT)
    freqpilot, freqtrade = (installed.parent / name for name in ("freqpilot", "freqtrade"))
    run(freqpilot, "init", "--userdir", "user_data", cwd=tmp_path)
    layers = ("exchange-binance.json", "freqpilot.json")
    switch = [part for layer in layers for part in ("-c", f"user_data/freqpilot/{layer}")]
    switch += ["--userdir", "user_data"]
    listed = run(freqtrade, "list-strategies", "-1", *switch, cwd=tmp_path)
    assert "Autopilot" in listed.split()
    report = json.loads(run(freqpilot, "doctor", "--json", cwd=tmp_path))
    assert report["ok"], report
    result = run(installed, "-c", SCRIPT, tmp_path / "bt", cwd=tmp_path).split()[-1]
    assert Path(result).is_file()
