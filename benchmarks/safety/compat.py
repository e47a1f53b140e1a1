"""``make compat``: installs each Freqtrade of the tested range into a venv of its own and runs
doctor and smoke tests there; Freqtrade's newest release as well, where it can be installed.

Prints a table of all seams, green where one fits and red where not, and one JSON object last; exits
non-zero when a supported version fails.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("2026.6", "2026.7", "2026.8", "2026.9")
PINS = {version: ["joblib<1.6"] for version in ("2026.6", "2026.7", "2026.8")}
"""What an older Freqtrade needs itself: it imports a part of joblib that 1.6 has removed."""
WIDTH = 100
CELLS = {True: "[green]fits[/]", False: "[red]does not fit[/]", None: "–"}
SMOKE = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sys
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
home = Path(sys.argv[1])
start = datetime(2026, 1, 1, tzinfo=UTC)
SyntheticMarket(("BTC/USDT", "ETH/USDT"), 60, start, 24 * 40, 7).write_candles(home / "data")
options = BacktestOptions(
    home / "data", ("BTC/USDT", "ETH/USDT"), start + timedelta(days=38),
    start + timedelta(days=39), home, layers=("base", "autopilot", "freqpilot"),
)
print(run_backtest(options))
"""


def run(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | more
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def newest() -> str | None:
    """Return Freqtrade's newest release as the package registry has it, None without an answer."""
    asked = run([sys.executable, "-m", "pip", "index", "versions", "freqtrade"])
    found = re.match(r"freqtrade \((\S+)\)", asked.stdout)
    return found[1] if asked.returncode == 0 and found else None


def install(version: str, home: Path) -> str | None:
    """Install one version into a venv of its own; return why that failed, None where it did not."""
    python = home / "bin" / "python"
    if (home / "installed").is_file():
        return None
    print(f"==> Freqtrade {version}: installing", flush=True)
    run([sys.executable, "-m", "venv", str(home)])
    wanted = [f"freqtrade[freqai,hyperopt]=={version}", *PINS.get(version, [])]
    done = run([str(python), "-m", "pip", "install", "--quiet", "--editable", str(ROOT), *wanted])
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    (home / "installed").touch()
    return None


def examine(version: str) -> dict[str, Any]:
    """Install one version and return what doctor and the smoke tests found."""
    home = ROOT / ".venv-compat" / version
    python = home / "bin" / "python"
    if fault := install(version, home):
        print(f"    {fault}", flush=True)
        return {"ok": False, "installed": False, "seams": {}, "faults": [fault]}
    print(f"==> Freqtrade {version}: doctor and smoke tests", flush=True)
    doctor = run([str(python), "-m", "freqpilot.cli", "doctor", "--json"])
    smoke = run([str(python), "-c", SMOKE, str(home / "smoke")])
    findings = json.loads(doctor.stdout or "{}").get("findings", [])
    faults = [f for f in findings if not f["ok"]]
    for each in faults:
        print(f"    {each['check']}: {each['detail']}", flush=True)
    if smoke.returncode:
        print("    " + "\n    ".join(smoke.stderr.strip().splitlines()[-8:]), flush=True)
    return {
        "ok": doctor.returncode == 0 and smoke.returncode == 0,
        "installed": True,
        "seams": {f["check"][5:]: f["ok"] for f in findings if f["check"].startswith("seam ")},
        "faults": faults,
    }


def table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the table of all seams on each version: green where one fits, red where not."""
    out = Table("seam", *figures, title="Seams on each Freqtrade")
    for seam in dict.fromkeys(name for found in figures.values() for name in found["seams"]):
        out.add_row(seam, *(CELLS[found["seams"].get(seam)] for found in figures.values()))
    out.add_row("all, and a backtest", *(CELLS[found["ok"]] for found in figures.values()))
    return out


def main() -> None:
    """Examine every version, print the table and the JSON object.

    The newest release, where it is none of the supported ones, is shown and decides nothing.
    """
    wanted = sys.argv[1:] or [*VERSIONS]
    latest = newest() if not sys.argv[1:] else None
    versions = [*wanted, *({latest} - {None, *wanted})]
    figures = {version: examine(version) for version in versions}
    Console(width=WIDTH).print(table(figures))
    supported = {version: bool(figures[version]["ok"]) for version in wanted}
    targets = {name: {"value": ok, "target": True, "ok": ok} for name, ok in supported.items()}
    parity = all(supported.values())
    document = {"name": "compat", "parity": parity, "targets": targets, "figures": figures}
    print(json.dumps({**document, "newest": latest}))
    sys.exit(0 if parity else 1)


if __name__ == "__main__":
    main()
