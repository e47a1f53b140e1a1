"""Freqtrade's backtester in a process that stays: candles are loaded once, each line runs it again.

``python -m benchmarks.support.backtest_worker ARGUMENTS…`` takes the arguments of ``freqtrade
backtesting``, writes one JSON line when it is ready, and one for each line that it reads.
"""

import gc
import json
import os
import sys
import time
from typing import Any, TextIO

COLUMNS = ("pair", "open_date", "close_date", "open_rate", "close_rate", "exit_reason")
"""What two runs with the same trades have in common; stakes may differ."""


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Freqtrade's own output
    from freqtrade.commands.arguments import Arguments
    from freqtrade.commands.optimize_commands import setup_optimize_configuration
    from freqtrade.enums import RunMode
    from freqtrade.optimize.backtesting import Backtesting

    given = Arguments(["backtesting", *sys.argv[1:]]).get_parsed_arg()
    backtesting = Backtesting(setup_optimize_configuration(given, RunMode.BACKTEST))
    data, timerange = backtesting.load_bt_data()
    _write(answers, {"ready": True})
    for _ in sys.stdin:
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        backtesting.backtest_one_strategy(backtesting.strategylist[0], data, timerange)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        result = backtesting.all_bt_content[backtesting.strategylist[0].get_strategy_name()]
        trades = result["results"]
        hours = (trades["close_date"] - trades["open_date"]).dt.total_seconds().sum() / 3600
        rows = trades[list(COLUMNS)].astype(str).to_numpy().tolist()
        _write(answers, {"wall": wall, "cpu": cpu, "trades": rows, "open_candles": float(hours)})


def _write(answers: TextIO, document: dict[str, Any]) -> None:
    print(json.dumps(document), file=answers, flush=True)


if __name__ == "__main__":
    main()
