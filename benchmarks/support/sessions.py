"""Rehearsed live sessions of the benchmarks' own restless strategies against the stand-in exchange:
their config and options."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from freqpilot.host.boot.doors import config_dir
from freqpilot.rehearsal.faults.requests import Strike
from freqpilot.rehearsal.plan.session import RehearsalOptions

STRATEGIES = Path(__file__).parents[1] / "strategies"
PAIRS = ("BTC/USDT", "ETH/USDT")
CONFIG: dict[str, Any] = {
    "dry_run_wallet": 1_000,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "max_open_trades": 2,
    "timeframe": "1h",
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "unfilledtimeout": {"entry": 40, "exit": 40, "unit": "minutes"},
    "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)},
    "pairlists": [{"method": "StaticPairList"}],
    "bot_name": "chaos",
    "force_entry_enable": True,
    # A jump of one pair's price is to halt the bot at times; the limits' order must hold.
    "freqpilot": {
        "risk": {"drawdown_cut": 0.03, "drawdown_half": 0.045, "drawdown_halt": 0.06},
    },
}
FUTURES: dict[str, Any] = {
    "dry_run_wallet": 3_000,  # the smallest account whose tier allows leverage 2
    "trading_mode": "futures",
    "margin_mode": "isolated",
    "exchange": {"name": "binance", "pair_whitelist": [f"{pair}:USDT" for pair in PAIRS]},
}
WITHOUT = "chaos_without"
"""Top-level key of a config under which a strategy finds the cure to switch off."""


def options_of(
    folder: Path,
    seed: int,
    faults: str,
    *,
    plain: bool = False,
    futures: bool = False,
    days: float = 1.0,
    without: str = "",
) -> RehearsalOptions:
    """Return the options of one session; its files lie in ``folder``.

    :param without: the cure to switch off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    settings = CONFIG | FUTURES if futures else CONFIG
    if without:
        settings = {**settings, WITHOUT: without}
    config.write_text(json.dumps(settings), encoding="utf-8")
    return RehearsalOptions(
        userdir=folder,
        configs=(config,) if plain else (config, config_dir() / "freqpilot.json"),
        strategy="RestlessFutures" if futures else "Restless",
        strategy_path=STRATEGIES,
        seed=seed,
        pairs=PAIRS,
        days=days,
        speed=0,
        history_days=5,
        faults=faults,
        run_dir=folder / "run",
    )


def struck(strikes: Iterable[Strike]) -> list[str]:
    """Return the faults that struck, as a seed decides them: of requests that a bot sends at once
    the order, and so their numbers, are decided by the machine."""
    return sorted(str(replace(strike, request=0)) for strike in strikes)
