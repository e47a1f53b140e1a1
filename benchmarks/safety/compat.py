"""Doctor and smoke tests with each Freqtrade of the tested range, each in a venv of its own.

``make compat``, or ``python -m benchmarks compat [VERSION …]``. It installs what is not there yet.
Without a version Freqtrade's newest release is tried as well, where it can be installed. Prints a
table of all seams, green where one fits and red where not, and one JSON object last; exits non-zero
when a supported version fails.
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

from benchmarks.support.options import parser
from benchmarks.support.result import Result, Say, Target, finish, progress

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("2026.6", "2026.7", "2026.8", "2026.9")
PINS = {version: ["joblib<1.6"] for version in ("2026.6", "2026.7", "2026.8")}
"""What an older Freqtrade needs itself: it imports a part of joblib that 1.6 has removed."""
WIDTH = 100
SEAM = "seam "
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
    run([sys.executable, "-m", "venv", str(home)])
    wanted = [f"freqtrade[freqai,hyperopt]=={version}", *PINS.get(version, [])]
    done = run([str(python), "-m", "pip", "install", "--quiet", "--editable", str(ROOT), *wanted])
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    (home / "installed").touch()
    return None


def examine(version: str, say: Say) -> dict[str, Any]:
    """Install one version and return what doctor and the smoke tests found."""
    home = ROOT / ".venv-compat" / version
    python = home / "bin" / "python"
    say(f"==> Freqtrade {version}: installing what is not there yet")
    if fault := install(version, home):
        say(f"    {fault}")
        return {"ok": False, "installed": False, "seams": {}, "faults": [fault]}
    say(f"==> Freqtrade {version}: doctor and smoke tests")
    doctor = run([str(python), "-m", "freqpilot.cli", "doctor", "--json"])
    smoke = run([str(python), "-c", SMOKE, str(home / "smoke")])
    findings = json.loads(doctor.stdout or "{}").get("findings", [])
    faults = [each for each in findings if not each["ok"]]
    for each in faults:
        say(f"    {each['check']}: {each['detail']}")
    if smoke.returncode:
        say("    " + "\n    ".join(smoke.stderr.strip().splitlines()[-8:]))
    fits = {each["check"].removeprefix(SEAM): each["ok"] for each in findings if _is_seam(each)}
    ok = doctor.returncode == 0 and smoke.returncode == 0
    return {"ok": ok, "installed": True, "seams": fits, "faults": faults}


def _is_seam(finding: Mapping[str, Any]) -> bool:
    return str(finding["check"]).startswith(SEAM)


def table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the table of all seams on each version: green where one fits, red where not."""
    out = Table("seam", *figures, title="Seams on each Freqtrade")
    for seam in dict.fromkeys(name for found in figures.values() for name in found["seams"]):
        out.add_row(seam, *(CELLS[found["seams"].get(seam)] for found in figures.values()))
    out.add_row("all, and a backtest", *(CELLS[found["ok"]] for found in figures.values()))
    return out


def main() -> int:
    """Examine every version and print; returns the exit status.

    The newest release, where it is none of the supported ones, is shown and decides nothing.
    """
    made = parser("compat", __doc__)
    made.add_argument("versions", nargs="*", metavar="VERSION", default=VERSIONS)
    given = made.parse_args()
    say = progress()
    latest = newest() if given.versions == VERSIONS else None
    versions = [*given.versions, *({latest} - {None, *given.versions})]
    figures = {version: examine(version, say) for version in versions}
    if not given.json:
        Console(width=WIDTH).print(table(figures))
    sound = {version: bool(figures[version]["ok"]) for version in given.versions}
    targets = {version: Target(ok, True, ok) for version, ok in sound.items()}
    about = {"newest": latest}
    return finish(Result("compat", figures, targets, all(sound.values()), about), given)


if __name__ == "__main__":
    sys.exit(main())
