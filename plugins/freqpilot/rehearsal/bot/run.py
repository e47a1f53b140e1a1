"""The child process of a rehearsal: ``python -m freqpilot.rehearsal.bot.run RUN_DIR``.

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
from freqpilot.rehearsal.plan.session import OVERLAY
from freqpilot.rehearsal.plan.trading import name_error_codes, trade

if TYPE_CHECKING:
    from freqpilot.rehearsal.plan.session import RehearsalOptions
    from freqpilot.rehearsal.plan.stage import Stage

BUSY_SECONDS = 0.2


def main(run_dir: Path) -> int:
    """Run the rehearsal of ``run_dir``; returns the exit status."""
    # Before anything that starts threads (numpy's among them) is imported: a thread that does not
    # block the stop signals would take them, and Python would interrupt the bot in mid-loop.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    reports = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    from freqpilot.rehearsal.bot.stepper import Stepper, report
    from freqpilot.rehearsal.clock import VirtualClock
    from freqpilot.rehearsal.exchange.server import RehearsalServer
    from freqpilot.rehearsal.plan.config import funding_rate, is_futures
    from freqpilot.rehearsal.plan.session import STATE, load_plan
    from freqpilot.rehearsal.plan.stage import build_stage

    try:
        plan = load_plan(run_dir)
        user = user_config(plan)
        tape, stage = build_stage(plan, user, run_dir)
        stepper = Stepper(stage, plan.speed, run_dir / STATE, reports)
        with (
            VirtualClock(stage.begin) as clock,
            RehearsalServer(
                tape,
                clock,
                port=plan.port,
                futures=is_futures(user),
                funding_rate=funding_rate(user),
            ) as server,
        ):
            stepper.begin(clock, server)
            write_overlay(plan, stage, user, server.url, run_dir)
            code = trade(plan, run_dir, stepper)
            stepper.done(code)
    except RefuseToStart as refusal:
        report(reports, "refused", message=str(refusal))
        return refusal.exit_code
    return 0


def play_live(run_dir: Path, stage: "Stage", url: str, reports: int) -> None:
    """Run the bot in live mode against the stand-in at ``url``, in a process of its own. It moves
    the shared clock of the run's folder.

    :param reports: descriptor that the reports are written to.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

    from freqpilot.rehearsal.bot.remote import RemoteExchange
    from freqpilot.rehearsal.bot.stepper import Stepper
    from freqpilot.rehearsal.clock import SharedClock, VirtualClock
    from freqpilot.rehearsal.faults.machine import heed_full_disk
    from freqpilot.rehearsal.plan.session import CLOCK, LOG, STATE, clean_environment, load_plan

    clean_environment(os.environ)
    name_error_codes(url)
    wait_briefly()
    heed_full_disk(run_dir / "freqpilot.sqlite")
    with (run_dir / LOG).open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    plan = load_plan(run_dir)
    written = os.fdopen(reports, "w", buffering=1, encoding="utf-8")
    stepper = Stepper(stage, plan.speed, run_dir / STATE, written)
    with VirtualClock(stage.begin, SharedClock(run_dir / CLOCK)) as virtual:
        stepper.begin(virtual, RemoteExchange(url))
        stepper.done(trade(plan, run_dir, stepper))


def wait_briefly() -> None:
    """Let the store wait for a lock as long as a virtual clock has time for: it waits in real
    seconds, and whoever holds the lock lets go at the end of a loop only."""
    from freqpilot.store import open_store

    open_store.__kwdefaults__ = {"busy_timeout": BUSY_SECONDS, "quick": False}


def user_config(plan: "RehearsalOptions") -> dict[str, Any]:
    """Return the merged config files of the plan.

    :raises RefuseToStart: when one cannot be read.
    """
    from freqtrade.configuration.load_config import load_from_files
    from freqtrade.exceptions import FreqtradeException

    if not plan.configs:
        return {}
    try:
        return dict(load_from_files([str(path) for path in plan.configs]))
    except FreqtradeException as fault:
        raise RefuseToStart(f"a config file cannot be read: {fault}") from None


def write_overlay(
    plan: "RehearsalOptions",
    stage: "Stage",
    user: dict[str, Any],
    url: str,
    run_dir: Path,
) -> None:
    """Write the config layer that turns the bot to the stand-in at ``url``."""
    from freqpilot.host.boot import standin
    from freqpilot.journal.candles import SYNTHETIC_MARKER
    from freqpilot.rehearsal.plan.config import TOLD, rehearsal_overlay, webhook

    overlay = rehearsal_overlay(
        base_url=url,
        pairs=stage.pairs,
        user=user,
        loop_seconds=stage.loop_seconds,
        store_url=f"sqlite:///{run_dir / 'freqpilot.sqlite'}",
        label=f"rehearsal-{run_dir.name}",
        synthetic=stage.synthetic,
        live=plan.live,
        api_port=plan.api_port,
    )
    if plan.live:
        overlay["webhook"] = webhook(f"{url}{TOLD}")
    if "freqpilot" in user.get("log_config", {}).get("handlers", {}):
        handler = {"filename": str(run_dir / "decisions.jsonl")}
        overlay["log_config"] = {"handlers": {"freqpilot": handler}}
    (run_dir / OVERLAY).write_text(json.dumps(overlay, indent=1), encoding="utf-8")
    if stage.synthetic:
        note = f"# SYNTHETIC\n\nA rehearsal on an invented market (seed {plan.seed}).\n"
        (run_dir / SYNTHETIC_MARKER).write_text(note, encoding="utf-8")
    standin.mark(run_dir)  # a recording's too, or the bot would be sent to another folder


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
