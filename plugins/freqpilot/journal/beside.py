"""One backtest with and without the supervisor: what it cost, what it saved, and where the
difference comes from, trade by trade.

The differences of all trades add up to that of the two accounts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqpilot.errors import RefuseToStart
from freqpilot.journal.backtest import BacktestRun, market_of
from freqpilot.journal.measures import costs, daily, drawdown
from freqpilot.risk.book.value_at_risk import tail

Ints = NDArray[np.int64]

TAIL = 0.95
SAME_STAKE = 0.01
"""Stakes that differ by less than this share are the same: a stake that is a share of the account
moves with it."""
OURS = "freqpilot"
"""How the reasons of Freqpilot's own exits begin."""
KEY = ["pair", "is_short", "open_date", "nth"]
DROPPED = ["_merge", "tag_alone", "tag_guarded", "ours_alone", "ours_guarded", "nth", "is_short"]


class Fate(StrEnum):
    """What became of a trade under the supervisor."""

    SAME = "the same"
    SMALLER = "smaller"
    LARGER = "larger"
    CLOSED = "closed by Freqpilot"
    """Its halt or its stop closed it, the whole or a part."""
    EXIT = "another exit"
    REFUSED = "not taken"
    """A limit refused it, or the money or a slot was in another trade."""
    OPEN = "pair was open"
    """Not taken either: the trade before in its pair had not ended."""
    ADDED = "only with it"
    """Taken where the pair, a slot or the money was free."""


class Side(NamedTuple):
    """One of the two backtests. ``total`` return, ``drawdown``, ``worst`` day and ``tail`` (the
    mean loss of the worst 5 % of days, CVaR) are fractions; a loss is positive in ``drawdown`` and
    ``tail`` and negative in ``worst``. ``paid`` are fees and funding in stake currency."""

    total: float
    final: float
    drawdown: float
    worst: float
    worst_day: pd.Timestamp | None
    tail: float
    trades: int
    paid: float


@dataclass(frozen=True)
class Beside:
    """The backtest ``guarded`` by the supervisor and the one ``alone``.

    ``trades`` has a row for each trade of either: ``pair``, ``side``, ``open_date``, ``tag``,
    ``fate``, stake and profit of both (``stake_alone``, ``profit_alone``, ``stake_guarded``,
    ``profit_guarded``, 0 where it was not taken), ``difference`` of the profits and both exit
    reasons. ``notes`` are what else differs and a reader has to know.
    """

    guarded: BacktestRun
    alone: BacktestRun
    trades: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[Side, Side]:
        """The figures of ``alone`` and of ``guarded``."""
        return side(self.alone), side(self.guarded)

    def by_fate(self) -> list[tuple[Fate, int, float, float, float]]:
        """Return each fate with the number of trades, the profit alone, the profit with the
        supervisor and the difference, in stake currency."""
        groups = dict(iter(self.trades.groupby("fate")))
        found = []
        for fate in Fate:
            if (part := groups.get(fate)) is not None:
                alone, guarded, change = (float(part[name].sum()) for name in PROFITS)
                found.append((fate, len(part), alone, guarded, change))
        return found


PROFITS = ("profit_alone", "profit_guarded", "difference")


def beside(one: BacktestRun, other: BacktestRun) -> Beside:
    """Compare two backtests of which exactly one is changed by the supervisor.

    :raises RefuseToStart: when it is not exactly one, or when the two differ in what has to be the
        same: strategy, period, pairs, data, wallet, stake, open trades, fee.
    """
    changed = [changes_orders(run) for run in (one, other)]
    if changed[0] == changed[1]:
        raise RefuseToStart(_which(one, other, both=changed[0]))
    guarded, alone = (one, other) if changed[0] else (other, one)
    if wrong := list(_differences(guarded, alone)):
        raise RefuseToStart(
            "the two backtests are not the same but for the supervisor: "
            f"{'; '.join(wrong)}. Run both with the same config, candles and options, or give one "
            "result and let --beside run the other"
        )
    return Beside(guarded, alone, _trades(guarded, alone), tuple(_notes(guarded, alone)))


def changes_orders(run: BacktestRun) -> bool:
    """Tell whether the supervisor could change an order of this backtest: it was there, on, and did
    not only watch."""
    noted = _noted(run)
    return bool(noted.get("supervisor", False)) and noted.get("profile") != "watch"


def side(run: BacktestRun) -> Side:
    """Return the figures of one backtest."""
    days = daily(run.equity)
    returns = (days / days.shift(1) - 1).dropna()
    return Side(
        total=float(days.iloc[-1] / days.iloc[0] - 1),
        final=float(run.equity.iloc[-1]),
        drawdown=abs(float(drawdown(run.equity).min())),
        worst=float(returns.min()) if len(returns) else 0.0,
        worst_day=pd.Timestamp(str(returns.idxmin())) if len(returns) else None,
        tail=tail(-returns.to_numpy(dtype=np.float64), TAIL).cvar if len(returns) else 0.0,
        trades=len(run.trades),
        paid=(paid := costs(run)).fees + paid.funding,
    )


def _noted(run: BacktestRun) -> Mapping[str, Any]:
    section = run.config.get("freqpilot", {})
    found = section.get("run", {}) if isinstance(section, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _which(one: BacktestRun, other: BacktestRun, *, both: bool) -> str:
    if both:
        return (
            f"both {one.file.name} and {other.file.name} were run under the supervisor; give one "
            "of them and let --beside run the other, or a backtest without freqpilot's layers"
        )
    watch = any(_noted(run).get("profile") == "watch" for run in (one, other))
    why = "watch changes no order: add guard.json in its place" if watch else "add guard.json"
    return (
        f"in neither {one.file.name} nor {other.file.name} could the supervisor change an order; "
        f"{why} and run that backtest again"
    )


def _differences(guarded: BacktestRun, alone: BacktestRun) -> Iterator[str]:
    """Yield what has to be the same and is not."""
    pairs = [
        ("strategy", guarded.strategy, alone.strategy),
        ("period", _period(guarded), _period(alone)),
        ("timeframe", guarded.timeframe, alone.timeframe),
        ("pairs", _pairs(guarded), _pairs(alone)),
        ("wallet", _wallet(guarded), _wallet(alone)),
        ("fee", _fees(guarded), _fees(alone)),
    ]
    for name in ("trading_mode", "margin_mode", "stake_amount", "max_open_trades_setting"):
        if name in guarded.stats and name in alone.stats:
            pairs.append((name, str(guarded.stats[name]), str(alone.stats[name])))
    for name, ours, theirs in pairs:
        if ours and theirs and ours != theirs:
            yield f"{name} {ours} with the supervisor, {theirs} without"
    ours_market, theirs_market = market_of(guarded), market_of(alone)
    if ours_market and theirs_market and ours_market != theirs_market:
        yield "the candles are not the same"


def _notes(guarded: BacktestRun, alone: BacktestRun) -> Iterator[str]:
    protections = [bool(run.stats.get("enable_protections")) for run in (guarded, alone)]
    if protections[0] != protections[1]:
        on, off = ("with", "without") if protections[0] else ("without", "with")
        yield (
            f"Protections were on {on} the supervisor and off {off} it: if the strategy or the "
            "config has some, a part of the difference is theirs (--enable-protections)."
        )
    if not (market_of(guarded) and market_of(alone)):
        yield "The results hold no market change: whether the candles are the same is not known."
    if guarded.equity_note != alone.equity_note:
        yield f"Equity with the supervisor: {guarded.equity_note}; without: {alone.equity_note}."
    if _noted(alone).get("profile") == "watch":
        yield "The backtest without it is one that the supervisor watched and did not change."


def _period(run: BacktestRun) -> str:
    return " – ".join(f"{time:%Y-%m-%d %H:%M}" for time in run.timerange)


def _pairs(run: BacktestRun) -> str:
    return ", ".join(sorted(run.pairs))


def _wallet(run: BacktestRun) -> str:
    return f"{run.starting_balance:,.2f} {run.stake_currency}"


def _fees(run: BacktestRun) -> str:
    """Return the fees that were paid, empty where nothing was traded."""
    found = {f"{float(fee):.6g}" for name in ("fee_open", "fee_close") for fee in run.trades[name]}
    return ", ".join(sorted(found))


def _trades(guarded: BacktestRun, alone: BacktestRun) -> pd.DataFrame:
    """Return both backtests' trades, matched by pair, side and the candle of the entry."""
    both = _plain(alone).merge(
        _plain(guarded), on=KEY, how="outer", suffixes=("_alone", "_guarded"), indicator=True
    )
    both["fate"] = [_fate(row) for row in both.to_dict("records")]
    spans = _spans(guarded)
    missed = both["fate"] == Fate.REFUSED
    both.loc[missed, "fate"] = [
        Fate.OPEN if _is_open(spans, pair, date) else Fate.REFUSED
        for pair, date in zip(both["pair"][missed], both["open_date"][missed], strict=True)
    ]
    for name in ("stake", "profit"):
        for whose in ("alone", "guarded"):
            both[f"{name}_{whose}"] = both[f"{name}_{whose}"].fillna(0.0).astype(float)
    both["difference"] = both["profit_guarded"] - both["profit_alone"]
    both["side"] = np.where(both["is_short"].astype(bool), "short", "long")
    both["tag"] = both["tag_alone"].fillna(both["tag_guarded"])
    ordered = both.sort_values(["open_date", "pair"], kind="stable").reset_index(drop=True)
    return ordered.drop(columns=DROPPED)


def _plain(run: BacktestRun) -> pd.DataFrame:
    trades = run.trades
    # What went in at the most: a partial exit makes Freqtrade's stake_amount smaller afterwards.
    stakes = trades["max_stake_amount"] if "max_stake_amount" in trades else trades["stake_amount"]
    return pd.DataFrame(
        {
            "pair": trades["pair"].astype(str),
            "is_short": trades["is_short"].astype(bool),
            "open_date": pd.DatetimeIndex(trades["open_date"]).as_unit("ms"),
            "nth": trades.groupby(["pair", "is_short", "open_date"]).cumcount().astype(int),
            "close_date": pd.DatetimeIndex(trades["close_date"]).as_unit("ms"),
            "stake": stakes.astype(float),
            "profit": trades["profit_abs"].astype(float),
            "exit": trades["exit_reason"].astype(str),
            "tag": trades["enter_tag"].astype(str),
            "ours": [_is_ours(trade) for trade in trades.to_dict("records")],
        }
    )


def _is_ours(trade: Mapping[Any, Any]) -> bool:
    """Tell whether Freqpilot sold any part of a trade."""
    orders = trade["orders"] if isinstance(trade["orders"], list) else []
    tags = [str(order.get("ft_order_tag")) for order in orders if not order.get("ft_is_entry")]
    return any(reason.startswith(OURS) for reason in (str(trade["exit_reason"]), *tags))


def _fate(row: Mapping[Any, Any]) -> Fate:
    if row["_merge"] == "left_only":
        return Fate.REFUSED
    if row["_merge"] == "right_only":
        return Fate.ADDED
    if row["ours_guarded"] and not row["ours_alone"]:
        return Fate.CLOSED
    if row["close_date_alone"] != row["close_date_guarded"]:
        return Fate.EXIT
    share = row["stake_guarded"] / row["stake_alone"] - 1 if row["stake_alone"] else 0.0
    if abs(share) <= SAME_STAKE:
        return Fate.SAME
    return Fate.SMALLER if share < 0 else Fate.LARGER


def _spans(run: BacktestRun) -> dict[str, tuple[Ints, Ints]]:
    """Return when (ms) each pair's trades were opened and closed."""
    return {
        str(pair): (_ms(part["open_date"]), _ms(part["close_date"]))
        for pair, part in _plain(run).groupby("pair")
    }


def _ms(dates: pd.Series) -> Ints:
    return np.asarray(pd.DatetimeIndex(dates).as_unit("ms").asi8, dtype=np.int64)


def _is_open(spans: Mapping[str, tuple[Ints, Ints]], pair: str, date: pd.Timestamp) -> bool:
    """Tell whether a trade of the pair was open at ``date``; one that closes then still was, as
    Freqtrade enters a pair no sooner than a candle after its exit."""
    if pair not in spans:
        return False
    opened, closed = spans[pair]
    moment = date.timestamp() * 1000
    return bool(((opened < moment) & (closed >= moment)).any())
