"""What each analyst said when a trade was entered."""

import pandas as pd

from freqpilot.journal.backtest import BacktestRun

PREFIX = "contrib_"
MEASURES = ("composite", "confidence", "coverage")


def analysts(joined: pd.DataFrame) -> list[str]:
    """Return the names of the analysts in a frame of :func:`contributions`."""
    return [name.removeprefix(PREFIX) for name in joined.columns if name.startswith(PREFIX)]


def contributions(run: BacktestRun) -> pd.DataFrame:
    """Return one row a trade: ``pair``, ``open_date``, ``profit_abs``, the date of its signal
    candle and the candle's ``contrib_*``, composite, confidence and coverage.

    The signal candle is the last one that had closed at the entry: opening one timeframe before. A
    trade without one, or a strategy without such columns, has no row.
    """
    parts = [_of_pair(run, pair, frame) for pair, frame in run.signals.items()]
    filled = [part for part in parts if part is not None and not part.empty]
    if not filled:
        return pd.DataFrame({"pair": [], "open_date": [], "profit_abs": []})
    return pd.concat(filled).sort_values("open_date", kind="stable").reset_index(drop=True)


def _of_pair(run: BacktestRun, pair: str, frame: pd.DataFrame) -> pd.DataFrame | None:
    found = [name for name in frame.columns if isinstance(name, str) and name.startswith(PREFIX)]
    if not found or "date" not in frame:
        return None
    wanted = [*found, *(name for name in MEASURES if name in frame)]
    candles = (
        frame[["date", *wanted]].drop_duplicates("date").rename(columns={"date": "signal_date"})
    )
    candles = candles.assign(signal_date=_milliseconds(candles["signal_date"]))
    trades = run.trades.loc[run.trades["pair"] == pair, ["pair", "open_date", "profit_abs"]]
    opened = _milliseconds(trades["open_date"]).dt.floor(run.timeframe_step)
    trades = trades.assign(signal_date=opened - run.timeframe_step)
    return trades.merge(candles, on="signal_date", how="inner", validate="many_to_one")


def _milliseconds(dates: pd.Series) -> pd.Series:
    return pd.to_datetime(dates, utc=True).dt.as_unit("ms")


def winners_and_losers(joined: pd.DataFrame) -> pd.DataFrame:
    """Return each analyst's mean contribution to ``winners`` and to ``losers`` (columns)."""
    columns = [PREFIX + name for name in analysts(joined)]
    won = joined["profit_abs"] > 0
    table = pd.DataFrame(
        {"winners": joined.loc[won, columns].mean(), "losers": joined.loc[~won, columns].mean()}
    )
    return table.set_axis([name.removeprefix(PREFIX) for name in table.index], axis=0)
