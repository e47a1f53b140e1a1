"""A result file of ``freqtrade backtesting`` with trades as a test names them."""

import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def trade(
    *entries: tuple[float, float], day: int = 1, profit: float = 0.0, tag: str = ""
) -> dict[str, Any]:
    """Return a trade of one day, with the amount and price of each entry order."""
    begun = f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}"
    return {
        "pair": "BTC/USDT",
        "stake_amount": 1.0,
        "amount": 1.0,
        "open_date": f"{begun} 00:00:00+00:00",
        "close_date": f"{begun} 20:00:00+00:00",
        "open_rate": 1.0,
        "close_rate": 1.0,
        "fee_open": 0.001,
        "fee_close": 0.001,
        "profit_ratio": 0.0,
        "profit_abs": profit,
        "exit_reason": "roi",
        "enter_tag": tag,
        "leverage": 1.0,
        "is_short": False,
        "orders": [
            *({"amount": size, "safe_price": at, "ft_is_entry": True} for size, at in entries),
            {"amount": 9.0, "safe_price": 2.0, "ft_is_entry": False},
        ],
    }


def result(folder: Path, shares: Iterable[Sequence[float]], run: dict[str, Any]) -> Path:
    """Write a result with a trade for each sequence of entries."""
    return write(folder, [trade(*((size, 2.0) for size in entries)) for entries in shares], run)


def write(folder: Path, trades: list[dict[str, Any]], run: dict[str, Any]) -> Path:
    """Write a result of the strategy ``Plain`` as the last one of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stats = {
        "trades": trades,
        "pairlist": ["BTC/USDT"],
        "timeframe": "1h",
        "stake_currency": "USDT",
        "starting_balance": 1_000.0,
        "final_balance": 1_000.0,
        "backtest_start": "2024-01-01 00:00:00",
        "backtest_end": "2024-02-01 00:00:00",
        "backtest_start_ts": 1_704_067_200_000,
        "backtest_end_ts": 1_706_745_600_000,
    }
    config = {"freqpilot": {"run": run}} if run else {}
    file = folder / "backtest-result-1.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("backtest-result-1.json", json.dumps({"strategy": {"Plain": stats}}))
        archive.writestr("backtest-result-1_config.json", json.dumps(config))
    (folder / ".last_result.json").write_text(json.dumps({"latest_backtest": file.name}))
    return file
