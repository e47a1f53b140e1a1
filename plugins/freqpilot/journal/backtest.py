"""Reads what ``freqtrade backtesting`` exports, without importing Freqtrade.

A result file is a zip with the statistics and trades (JSON), the config, the wallet at each candle
(feather) and, when it was run with ``--export signals``, the candle that led to each entry.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.journal.pickles import PickleRefused, read_frames
from freqpilot.risk.account.ledger import STREAK_REVIEW

LAST_RESULT = ".last_result.json"
MEMBER_LIMIT = 2 * 1024**3  # bytes one member of the zip may unpack to
TRADE_COLUMNS = (
    "pair",
    "stake_amount",
    "amount",
    "open_date",
    "close_date",
    "open_rate",
    "close_rate",
    "fee_open",
    "fee_close",
    "profit_ratio",
    "profit_abs",
    "exit_reason",
    "enter_tag",
    "leverage",
    "is_short",
    "orders",
    "funding_fees",
)
NO_SIGNALS = "The run exported no signals; run it again with --export signals to see them."


@dataclass(frozen=True)
class BacktestRun:
    """One strategy's backtest.

    ``timerange`` is the first and last candle (UTC); ``trades`` has Freqtrade's columns, by opening
    time; ``equity`` is the account in stake currency by time, from the starting to the final
    balance, and ``equity_note`` says what it counts; ``signals`` holds for each pair the last
    closed candle before each entry, and ``signals_note`` why it is empty.
    """

    file: Path
    strategy: str
    timerange: tuple[datetime, datetime]
    timeframe: str
    pairs: tuple[str, ...]
    stake_currency: str
    starting_balance: float
    trades: pd.DataFrame
    equity: pd.Series
    equity_note: str
    signals: Mapping[str, pd.DataFrame]
    signals_note: str
    stats: Mapping[str, Any]
    config: Mapping[str, Any]
    synthetic: bool

    @property
    def days(self) -> float:
        """Length of the period in days."""
        return (self.timerange[1] - self.timerange[0]).total_seconds() / 86_400

    @property
    def timeframe_step(self) -> pd.Timedelta:
        """Length of a candle."""
        return pd.Timedelta(self.timeframe)


class _Members(NamedTuple):
    """The files of one result that are read, by what they hold."""

    stats: bytes
    config: bytes | None
    wallet: bytes | None
    signals: bytes | None


def load_run(result: Path, strategy: str | None = None) -> BacktestRun:
    """Return the backtest in ``result``, a ``backtest-result-*.zip`` or the folder of the last one.

    :param strategy: which one, when the file holds several.
    :raises RefuseToStart: when there is no such file, it is not a result file of Freqtrade, or
        it holds several strategies and none was named.
    """
    file = _result_file(result)
    try:
        with zipfile.ZipFile(file) as archive:
            stats = _json(_member(archive, f"{file.stem}.json"), file)
            name = _strategy(stats, strategy, file)
            members = _Members(
                b"",
                _optional(archive, f"{file.stem}_config.json"),
                _optional(archive, f"{file.stem}_{name}_wallet.feather"),
                _optional(archive, f"{file.stem}_signals.pkl"),
            )
    except (zipfile.BadZipFile, KeyError, EOFError, OSError) as error:
        raise RefuseToStart(
            f"{file} is not a result file of freqtrade backtesting ({error}); give a "
            "backtest-result-*.zip from user_data/backtest_results"
        ) from None
    return _run(file, name, stats["strategy"][name], members)


def halts_released(facts: Mapping[str, Any]) -> int:
    """Return how many halts a backtest's simulated operator has released, by what the host wrote
    of the run; reviews of losing streaks, which set no halt, apart."""
    reviews = dict(facts.get("released") or {}).get(STREAK_REVIEW, 0)
    return int(facts.get("releases") or 0) - int(reviews)


def market_of(run: BacktestRun) -> str:
    """Return a digest of the mean price of the pairs at each candle, as the result holds it; empty
    where it holds none. Two backtests with the same one were run on the same candles."""
    name = f"{run.file.stem}_market_change.feather"
    try:
        with zipfile.ZipFile(run.file) as archive:
            content = _optional(archive, name)
        if content is None:
            return ""
        frame = pd.read_feather(io.BytesIO(content), columns=["date", "mean"])
        rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return ""
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _run(file: Path, name: str, stats: dict[str, Any], members: _Members) -> BacktestRun:
    config = _json(members.config, file) if members.config else {}
    try:
        timerange = (_time(stats["backtest_start_ts"]), _time(stats["backtest_end_ts"]))
        trades = _trades(stats["trades"])
        start, final = float(stats["starting_balance"]), float(stats["final_balance"])
        spot = stats.get("trading_mode", "spot") == "spot"
        wallet = members.wallet if spot else None
        equity, note = _equity(wallet, trades, timerange, start, final)
        signals, signals_note = _signals(members.signals, name)
        section = config.get("freqpilot", {})
        return BacktestRun(
            file=file,
            strategy=name,
            timerange=timerange,
            timeframe=str(stats["timeframe"]),
            pairs=tuple(stats["pairlist"]),
            stake_currency=str(stats["stake_currency"]),
            starting_balance=start,
            trades=trades,
            equity=equity,
            equity_note=note,
            signals=signals,
            signals_note=signals_note,
            stats=stats,
            config=config,
            synthetic=bool(isinstance(section, Mapping) and section.get("synthetic", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RefuseToStart(
            f"the statistics in {file} are not as Freqtrade 2026 writes them "
            f"({type(error).__name__}: {error}); run the backtest again"
        ) from None


def _result_file(result: Path) -> Path:
    if not result.is_dir():
        if result.is_file():
            return result
        raise RefuseToStart(
            f"there is no file {result}; run `freqtrade backtesting --export signals` first and "
            "give the backtest-result-*.zip it names"
        )
    pointer = result / LAST_RESULT
    try:
        name = json.loads(pointer.read_text(encoding="utf-8"))["latest_backtest"]
    except (OSError, ValueError, KeyError, TypeError):
        raise RefuseToStart(
            f"{result} names no last backtest ({pointer.name}); give the zip itself"
        ) from None
    return _result_file(result / Path(str(name)).name)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > MEMBER_LIMIT:
        raise RefuseToStart(f"{name} unpacks to {info.file_size} bytes; no backtest is that large")
    return archive.read(info)


def _optional(archive: zipfile.ZipFile, name: str) -> bytes | None:
    return _member(archive, name) if name in archive.namelist() else None


def _json(content: bytes, file: Path) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise RefuseToStart(f"{file} holds broken JSON ({error}); run the backtest again") from None
    if not isinstance(document, dict):
        raise RefuseToStart(f"{file} is in an old format; run the backtest again")
    return document


def _strategy(document: dict[str, Any], wanted: str | None, file: Path) -> str:
    strategies = document.get("strategy")
    names = list(strategies) if isinstance(strategies, dict) else []
    if not names:
        raise RefuseToStart(f"{file} holds no strategy's result; run the backtest again")
    if wanted is None and len(names) > 1:
        raise RefuseToStart(f"{file} holds {', '.join(names)}; say which strategy to read")
    if wanted is not None and wanted not in names:
        raise RefuseToStart(f"{file} holds no strategy {wanted!r}; it holds {', '.join(names)}")
    return wanted or names[0]


def _time(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _trades(rows: list[dict[str, Any]]) -> pd.DataFrame:
    if not rows:
        frame = pd.DataFrame({name: pd.Series(dtype="object") for name in TRADE_COLUMNS})
    else:
        frame = pd.DataFrame(rows)
        missing = set(TRADE_COLUMNS) - {"orders", "funding_fees", "enter_tag"} - set(frame.columns)
        if missing:
            raise ValueError(f"the trades lack {', '.join(sorted(missing))}")
    for name, default in (("orders", None), ("funding_fees", 0.0), ("enter_tag", "")):
        if name not in frame:
            frame[name] = default
    for name in ("open_date", "close_date"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in ("amount", "open_rate", "close_rate", "fee_open", "fee_close", "profit_abs"):
        frame[name] = frame[name].astype(float)
    for name in ("stake_amount", "profit_ratio", "leverage", "funding_fees"):
        frame[name] = frame[name].astype(float)
    frame["is_short"] = frame["is_short"].astype(bool)
    frame["enter_tag"] = frame["enter_tag"].where(frame["enter_tag"].notna(), "").astype(str)
    return frame.sort_values("open_date", kind="stable").reset_index(drop=True)


def _equity(
    wallet: bytes | None,
    trades: pd.DataFrame,
    timerange: tuple[datetime, datetime],
    start: float,
    final: float,
) -> tuple[pd.Series, str]:
    """Return the account by time and what it counts."""
    begin, end = (pd.Timestamp(time) for time in timerange)
    if wallet:
        frame = pd.read_feather(io.BytesIO(wallet))
        value = frame["rate"] * frame["balance"]
        equity = value.groupby(pd.DatetimeIndex(frame["date"]).as_unit("ms")).sum()
        note = "open positions at the price of each candle's opening; exit fees when paid"
    else:
        profit = trades.groupby("close_date")["profit_abs"].sum().sort_index().cumsum()
        equity = start + profit.astype(float)
        equity.index = pd.DatetimeIndex(equity.index).as_unit("ms")
        note = "closed trades only: the profit of open positions is not in it"
    first = pd.Series([start], index=pd.DatetimeIndex([begin]).as_unit("ms"))
    last_time = max(end, equity.index[-1]) if len(equity) else end
    last = pd.Series([final], index=pd.DatetimeIndex([last_time]).as_unit("ms"))
    inner = equity[(equity.index > begin) & (equity.index < last_time)]
    whole = pd.concat([first, inner.astype(float), last])
    whole.index.name = "date"
    return whole.rename("equity"), note


def _signals(content: bytes | None, strategy: str) -> tuple[dict[str, pd.DataFrame], str]:
    if content is None:
        return {}, NO_SIGNALS
    try:
        return read_frames(content, strategy), ""
    except PickleRefused as refusal:
        return {}, f"The exported signals were refused: {refusal}."
