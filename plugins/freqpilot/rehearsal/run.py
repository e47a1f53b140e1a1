"""The child process of a rehearsal: ``python -m freqpilot.rehearsal.run RUN_DIR``.

Virtual clock, stand-in exchange and the unmodified ``freqtrade trade`` in one process. SIGTERM and
SIGINT are blocked and looked at between loops only, so that no order is ever cut in half; then
Freqtrade ends on the path of Ctrl-C. Reports go to standard output, one JSON object a line;
whatever Freqtrade or a strategy prints goes to the log.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqpilot.errors import RefuseToStart

if TYPE_CHECKING:
    from freqpilot.rehearsal.server import RehearsalServer
    from freqpilot.rehearsal.session import RehearsalOptions
    from freqpilot.rehearsal.stage import Stage
    from freqpilot.rehearsal.stepper import Stepper


def main(run_dir: Path) -> int:
    """Run the rehearsal of ``run_dir``; returns the exit status."""
    # Before anything that starts threads (numpy's among them) is imported: a thread that does not
    # block the stop signals would take them, and Python would interrupt the bot in mid-loop.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    reports = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    from freqpilot.rehearsal.clock import VirtualClock
    from freqpilot.rehearsal.server import RehearsalServer
    from freqpilot.rehearsal.session import STATE, load_plan
    from freqpilot.rehearsal.stage import build_stage
    from freqpilot.rehearsal.stepper import Stepper, report

    try:
        plan = load_plan(run_dir)
        user = _user_config(plan)
        stage = build_stage(plan, user, run_dir)
        stepper = Stepper(stage, plan.speed, run_dir / STATE, reports)
        with (
            VirtualClock(stage.begin) as clock,
            RehearsalServer(stage.tape, clock, port=plan.port) as server,
        ):
            stepper.begin(clock, server)
            _write_overlay(plan, stage, user, server, run_dir)
            code = _trade(plan, run_dir, stepper)
            stepper.done(code)
    except RefuseToStart as refusal:
        report(reports, "refused", message=str(refusal))
        return refusal.exit_code
    return 0


def _trade(plan: "RehearsalOptions", run_dir: Path, stepper: "Stepper") -> int:
    """Run ``freqtrade trade`` in this thread until the stepper interrupts it."""
    import freqtrade.worker
    from freqtrade.main import main as freqtrade_main

    from freqpilot.rehearsal.session import DATABASE

    class SteppedWorker(freqtrade.worker.Worker):
        """Freqtrade's worker, whose sleep moves the virtual clock."""

        def _sleep(self, sleep_duration: float) -> None:
            stepper.loop_end(sleep_duration, self.freqtrade)

    freqtrade.worker.Worker = SteppedWorker
    (run_dir / "data").mkdir(exist_ok=True)
    command = ["trade", "--dry-run", "--userdir", str(plan.userdir)]
    # What FreqAI downloads must not mix with the user's candles.
    command += ["--datadir", str(run_dir / "data")]
    command += ["--db-url", f"sqlite:///{run_dir / DATABASE}"]
    for path in (*plan.configs, run_dir / "overlay.json"):
        command += ["--config", str(path)]
    if plan.strategy:
        command += ["--strategy", plan.strategy]
    if plan.strategy_path:
        command += ["--strategy-path", str(plan.strategy_path)]
    try:
        freqtrade_main(command)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _user_config(plan: "RehearsalOptions") -> dict[str, Any]:
    from freqtrade.configuration.load_config import load_from_files
    from freqtrade.exceptions import FreqtradeException

    if not plan.configs:
        return {}
    try:
        return dict(load_from_files([str(path) for path in plan.configs]))
    except FreqtradeException as fault:
        raise RefuseToStart(f"a config file cannot be read: {fault}") from None


def _write_overlay(
    plan: "RehearsalOptions",
    stage: "Stage",
    user: dict[str, Any],
    server: "RehearsalServer",
    run_dir: Path,
) -> None:
    from freqpilot.rehearsal.config import rehearsal_overlay

    overlay = rehearsal_overlay(
        base_url=server.url,
        pairs=stage.pairs,
        user=user,
        loop_seconds=stage.loop_seconds,
        store_url=f"sqlite:///{run_dir / 'freqpilot.sqlite'}",
        label=f"rehearsal-{run_dir.name}",
        synthetic=stage.tape.synthetic,
    )
    if "freqpilot" in user.get("log_config", {}).get("handlers", {}):
        handler = {"filename": str(run_dir / "decisions.jsonl")}
        overlay["log_config"] = {"handlers": {"freqpilot": handler}}
    (run_dir / "overlay.json").write_text(json.dumps(overlay, indent=1), encoding="utf-8")
    if stage.tape.synthetic:
        note = f"# SYNTHETIC\n\nA rehearsal on an invented market (seed {plan.seed}).\n"
        (run_dir / "SYNTHETIC.md").write_text(note, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
