"""The built wheel in an empty venv, used from a folder outside the repository."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from children import ROOT, child_environment

SCRIPT = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from freqpilot.host.boot.doors import config_dir, door_dir
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
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
    """Build the wheel and install it into an empty venv that finds this one's packages behind its
    own; whether the wheel names all that it needs is :func:`test_every_import_is_declared`."""
    home = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", home / "dist", ROOT, cwd=home)
    (wheel,) = (home / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=home)
    (packages,) = (home / "venv").glob("lib/python*/site-packages")
    # A folder named so is searched, and its own .pth files, the editable checkout's, are not read.
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (home / "venv" / "bin" / "freqtrade").write_text(
        f"#!{python}\nfrom freqtrade.main import main\nmain()\n"
    )
    (home / "venv" / "bin" / "freqtrade").chmod(0o755)
    return python


def initialised(installed: Path, folder: Path) -> list[str]:
    """Write the user's files by the wheel's command; returns the switches that name them."""
    run(installed.parent / "freqpilot", "init", "--userdir", "user_data", cwd=folder)
    layers = ("exchange-binance.json", "freqpilot.json")
    switch = [part for layer in layers for part in ("-c", f"user_data/freqpilot/{layer}")]
    return [*switch, "--userdir", "user_data"]


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_freqtrade_finds_the_strategies_of_a_wheel(installed: Path, tmp_path: Path) -> None:
    assert os.path.commonpath([ROOT, tmp_path]) != str(ROOT)
    switch = initialised(installed, tmp_path)
    listed = run(installed.parent / "freqtrade", "list-strategies", "-1", *switch, cwd=tmp_path)
    assert "Autopilot" in listed.split()


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_a_wheel_works_without_the_repository(installed: Path, tmp_path: Path) -> None:
    """All kernels are compiled anew, beside the wheel's own files."""
    freqpilot = installed.parent / "freqpilot"
    initialised(installed, tmp_path)
    report = json.loads(run(freqpilot, "doctor", "--json", cwd=tmp_path))
    assert report["ok"], report
    result = run(installed, "-c", SCRIPT, tmp_path / "bt", cwd=tmp_path).split()[-1]
    assert Path(result).is_file()


def test_every_import_is_declared() -> None:
    """What the pack imports is the standard library, itself, or of a distribution that it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(each for name in extras for each in extras[name])]
    names = {re.split(r"[^\w.-]", each, maxsplit=1)[0].lower().replace("-", "_") for each in named}
    # Freqtrade's own, and those of its extras that are asked for.
    names |= {"ccxt", "datasieve", "lightgbm", "numpy", "optuna", "pandas", "pyarrow", "scipy"}
    names |= {"python_rapidjson", "scikit_learn", "ta_lib", "uvicorn", "xgboost", "joblib"}
    names |= {"freqtrade_client", "python_telegram_bot", "requests"}
    known = {*sys.stdlib_module_names, "freqpilot"}
    for module, owners in packages_distributions().items():
        if {owner.lower().replace("-", "_") for owner in owners} & names:
            known.add(module)
    unknown = set()
    for folder in ("plugins", "strategies", "freqaimodels", "protections", "hyperopts"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found = {each.name.partition(".")[0] for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    found = {str(node.module).partition(".")[0]}
                else:
                    continue
                unknown |= {f"{file.name}: {name}" for name in found - known}
    assert unknown == set()
