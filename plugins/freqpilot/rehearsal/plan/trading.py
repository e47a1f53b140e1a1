"""``freqtrade trade`` of a plan, in this thread and by a clock that is not its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from freqpilot.rehearsal.plan.session import DATABASE, OVERLAY, RehearsalOptions


def name_error_codes(url: str) -> None:
    """Let ccxt read the futures routes of the stand-in at ``url`` as Binance's: it knows by the
    host's name which market an error code belongs to, and would take a futures account's refusals
    for unknown faults."""
    import ccxt
    import ccxt.async_support

    for client in (ccxt.binance, ccxt.async_support.binance):
        original = client.get_exceptions_by_url

        def by_url(
            self: Any, asked: str, kind: str, original: Callable[..., Any] = original
        ) -> Any:
            if asked.startswith(f"{url}/fapi/"):
                asked = asked.replace(url, f"https://fapi.{self.hostname or 'binance.com'}", 1)
            return original(self, asked, kind)

        client.get_exceptions_by_url = by_url


class LoopEnd(Protocol):
    """What takes the place of the worker's sleep."""

    def loop_end(self, seconds: float, bot: Any) -> None:
        """:raises KeyboardInterrupt: when the bot is to end."""


def trade(
    plan: RehearsalOptions,
    run_dir: Path,
    stepper: LoopEnd,
    *,
    database: str = DATABASE,
    overlay: str = OVERLAY,
) -> int:
    """Run ``freqtrade trade`` in this thread until the stepper interrupts it; returns its exit
    status.

    :param database: the trades database, a file of ``run_dir``, as the last config layer is.
    """
    import freqtrade.worker
    from freqtrade.main import main as freqtrade_main

    class SteppedWorker(freqtrade.worker.Worker):
        """Freqtrade's worker, whose sleep moves the virtual clock."""

        def _sleep(self, sleep_duration: float) -> None:
            stepper.loop_end(sleep_duration, self.freqtrade)

    freqtrade.worker.Worker = SteppedWorker
    (run_dir / "data").mkdir(exist_ok=True)
    command = ["trade", "--userdir", str(plan.userdir)]
    if not plan.live:
        command.append("--dry-run")
    # What FreqAI downloads must not mix with the user's candles.
    command += ["--datadir", str(run_dir / "data")]
    command += ["--db-url", f"sqlite:///{run_dir / database}"]
    for path in (*plan.configs, run_dir / overlay):
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
