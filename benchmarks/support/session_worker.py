"""One session of chaos in a process of its own, played by whichever checkout ``PYTHONPATH`` names.

``python -P benchmarks/support/session_worker.py MARKET SEED FOLDER FILE`` writes into ``FILE``, as
JSON, everything the session left: the exchange's ledger, the faults, both databases and the
decision log. What is not a seed's is left out: the bot's id (within its orders' names too) and the
process that owns the store, which each start draws anew; and the order of requests of one moment
that faults struck, as candles of several pairs are asked for at once and arrive in any order.
"""

import importlib
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

HOMES = ("benchmarks.safety.chaos", "benchmarks.chaos")
"""Where the benchmark of chaos lies, and where it lay before."""
DATABASES = {"freqtrade": "trades.sqlite", "store": "freqpilot.sqlite"}
IDENTITY = "freqpilot_id"
NO_SEEDS = ("nonce", "host", "pid", "born")
"""Of the process that owns the store."""


def main() -> None:
    """Play the session and write its record."""
    market, seed, folder, file = sys.argv[1:]
    chaos = _first_of(HOMES)
    options = chaos.options_of(Path(folder), int(seed), "all", futures=market == "futures")
    record = record_of(chaos.rehearse_live(options), options.run_dir)
    Path(file).write_text(json.dumps(record), encoding="utf-8")


def record_of(summary: Any, run_dir: Path) -> dict[str, Any]:
    """Return what must be the same when a seed is played again."""
    record = {each.name: plain(getattr(summary, each.name)) for each in fields(summary)}
    run = record.pop("run")
    record["ledger"] = {str(order["number"]): order for order in record["ledger"]}
    record["strikes"] = sorted(
        ({**strike, "request": None} for strike in record["strikes"]),
        key=lambda strike: (strike["time"], json.dumps(strike)),
    )
    record |= {name: run[name] for name in ("loops", "requests", "unknown")}
    for name, database in DATABASES.items():
        record |= {f"{name}.{table}": rows for table, rows in _tables(run_dir / database).items()}
    record["decisions"] = _decision_log(run_dir / "decisions.jsonl")
    return without_draws(record)


def _decision_log(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a decision log without the real time at which each was written."""
    if not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "logged"} for line in lines]


def without_draws(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record without what each start draws anew."""
    for row in record.get("store.risk_state", []):
        state = json.loads(row["state"])
        row["state"] = {key: value for key, value in state.items() if key not in NO_SEEDS}
    drawn = [
        row["string_value"]
        for row in record.get("freqtrade.KeyValueStore", [])
        if row["key"] == IDENTITY
    ]
    text = json.dumps(record)
    for identity in drawn:
        text = text.replace(f'"{identity}"', '"identity"').replace(f"-{identity}-", "-identity-")
    found: dict[str, Any] = json.loads(text)
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON holds it, without losing a digit."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, int | float | str | None) else str(value)


def _tables(file: Path) -> dict[str, list[dict[str, Any]]]:
    if not file.exists():
        return {}
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {
            name: [dict(row) for row in connection.execute(f'select * from "{name}"')]  # noqa: S608
            for (name,) in names
        }


def _first_of(homes: tuple[str, ...]) -> Any:
    for home in homes[:-1]:
        try:
            return importlib.import_module(home)
        except ModuleNotFoundError as missing:
            if not home.startswith(str(missing.name)):
                raise
    return importlib.import_module(homes[-1])


if __name__ == "__main__":
    main()
