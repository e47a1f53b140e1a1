"""``freqpilot demo``: the whole path once, on real or invented candles, ending in a report."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
TRAIN_DAYS = 60
WINDOW_DAYS = 20
STARTUP_DAYS = 25
SYNTHETIC_START = datetime(2026, 1, 1, tzinfo=UTC)
MATCHES = (
    (
        re.compile(r"Training (\S+), .* from (\S+) \S+ to (\S+) \S+, (\d+)/(\d+) trains"),
        r"model of \1, window \4 of \5, trained on \2 – \3",
    ),
    (re.compile(r"Backtesting with data from (\S+) \S+ up to (\S+) "), r"backtest \1 – \2"),
    (re.compile(r"Loading data from (\S+) \S+ up to (\S+) "), r"candles \1 – \2 loaded"),
)


@dataclass(frozen=True)
class DemoOptions:
    """Where to work, which candles (None: the SYNTHETIC market) and how many days to trade."""

    user_data: Path
    datadir: Path | None = None
    days: int = 180
    seed: int = 7


def candles_of(options: DemoOptions) -> tuple[Path, datetime]:
    """Return the folder of candles and the end of the last one in it, UTC; writes the invented
    market when no folder was given.

    :raises RefuseToStart: when the folder lacks the pairs.
    """
    if options.datadir is None:
        hours = 24 * (options.days + TRAIN_DAYS + STARTUP_DAYS)
        market = SyntheticMarket(PAIRS, 60, SYNTHETIC_START, hours, options.seed)
        folder = options.user_data / "data" / "synthetic"
        market.write_candles(folder)
    else:
        folder = options.datadir
        if not folder.is_dir():
            raise RefuseToStart(
                f"{folder} is not a folder; give one with Freqtrade's feather files, such as "
                "user_data/data/binance, or leave --datadir out for the SYNTHETIC market"
            )
    end = datetime.fromtimestamp(Tape.from_folder(folder, "1h", PAIRS).end / 1000, UTC)
    return folder, end.replace(hour=0, minute=0, second=0, microsecond=0)


def run_demo(options: DemoOptions, say: Callable[[str], None]) -> Path:
    """Backtest ``Autopilot`` with its model and return the result file.

    :param say: gets a line for each step.
    """
    began = time.monotonic()
    options.user_data.mkdir(parents=True, exist_ok=True)
    folder, end = candles_of(options)
    kind = "SYNTHETIC candles" if options.datadir is None else "candles"
    start = end - timedelta(days=options.days)
    say(f"{kind} in {folder}: trading {start:%Y-%m-%d} – {end:%Y-%m-%d}, {', '.join(PAIRS)}")
    overlay = {
        "freqai": {
            "train_period_days": TRAIN_DAYS,
            "backtest_period_days": WINDOW_DAYS,
            "identifier": "demo",
        },
    }

    def on_line(line: str) -> None:
        text = " ".join(line.split())
        for pattern, shown in MATCHES:
            if found := pattern.search(text):
                say(f"[{time.monotonic() - began:4.0f} s] {found.expand(shown)}")
                return

    result = run_backtest(
        BacktestOptions(folder, PAIRS, start, end, options.user_data, overlay=overlay), on_line
    )
    say(f"[{time.monotonic() - began:4.0f} s] {result}")
    return result
