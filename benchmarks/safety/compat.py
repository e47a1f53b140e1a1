"""Doctor and smoke tests with each Freqtrade of the tested range, each in a venv of its own.

``make compat``, or ``python -m benchmarks compat [VERSION …]``. It installs what is not there yet.
Prints one JSON object last; exits non-zero when a version fails.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.support.options import parser
from benchmarks.support.result import Result, Say, Target, finish, progress

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("2026.6", "2026.7", "2026.8", "2026.9")
PINS = {version: ["joblib<1.6"] for version in ("2026.6", "2026.7", "2026.8")}
"""What an older Freqtrade needs itself: it imports a part of joblib that 1.6 has removed."""
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


def examine(version: str, say: Say) -> dict[str, object]:
    """Install one version and return what doctor and the smoke tests found."""
    home = ROOT / ".venv-compat" / version
    python = home / "bin" / "python"
    if not python.exists():
        say(f"==> Freqtrade {version}: installing")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--editable", str(ROOT)]
        wanted = [f"freqtrade[freqai,hyperopt]=={version}", *PINS.get(version, [])]
        subprocess.run([*install, *wanted], check=True)
    say(f"==> Freqtrade {version}: doctor and smoke tests")
    doctor = run([str(python), "-m", "freqpilot.cli", "doctor", "--json"])
    work = home / "smoke"
    smoke = run([str(python), "-c", SMOKE, str(work)])
    report = json.loads(doctor.stdout or "{}")
    faults = [f for f in report.get("findings", []) if not f["ok"]]
    ok = doctor.returncode == 0 and smoke.returncode == 0
    for fault in faults:
        say(f"    {fault['check']}: {fault['detail']}")
    if smoke.returncode:
        say("    " + "\n    ".join(smoke.stderr.strip().splitlines()[-8:]))
    return {"ok": ok, "seams": len(report.get("findings", [])), "faults": faults}


def main() -> int:
    """Examine every version and print; returns the exit status."""
    made = parser("compat", __doc__)
    made.add_argument("versions", nargs="*", metavar="VERSION", default=VERSIONS)
    given = made.parse_args()
    say = progress()
    figures = {version: examine(version, say) for version in given.versions}
    sound = {version: bool(found["ok"]) for version, found in figures.items()}
    targets = {version: Target(ok, True, ok) for version, ok in sound.items()}
    return finish(Result("compat", figures, targets, all(sound.values())), given)


if __name__ == "__main__":
    sys.exit(main())
