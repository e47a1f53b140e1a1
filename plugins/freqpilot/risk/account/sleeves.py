"""The sleeves of an account over time: their budgets, drawdown limits and releases."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

import numpy as np

from freqpilot.risk.account import subledger
from freqpilot.risk.account.subledger import Books
from freqpilot.settings import EnsembleSettings, SleeveStrategy, StrategyLevel
from freqpilot.shapes import Bools, Floats
from freqpilot.signals.netting import inverse_volatility

KEPT_DAYS = 60
ORDER: tuple[StrategyLevel, ...] = get_args(StrategyLevel)
LEVELS: dict[SleeveStrategy, StrategyLevel] = {
    "TrendFollowing": "simple",
    "Rebalancer": "simple",
    "MomentumRotation": "moderate",
    "Breakout": "moderate",
    "MeanReversion": "advanced",
}
"""How much each strategy asks: one rule or fixed weights, ranks and breakouts that a false start
costs, bets against the move."""
CENT = 0.01
"""Less than this of the rest is the last digits of sums."""


@dataclass(frozen=True)
class SleeveLedger:
    """The ``books`` and, for each sleeve, its ``budgets`` (shares of the account) now, since when
    it is switched ``off`` (None: it is not), how often it was ``switched``, and its deepest
    drawdown ``worst``. ``day`` (ordinal), ``day_equity`` and ``returns`` (n_days × n_sleeves) are
    its last days; ``month`` is the last one that money was moved in."""

    books: Books
    budgets: Floats
    off: tuple[datetime | None, ...]
    switched: tuple[int, ...]
    worst: Floats
    begun: datetime
    day: int
    day_equity: Floats
    returns: Floats
    month: tuple[int, int]

    @property
    def active(self) -> Bools:
        """Which sleeves are not switched off."""
        return np.array([since is None for since in self.off], dtype=np.bool_)


def begin(time: datetime, equity: float, settings: EnsembleSettings) -> SleeveLedger:
    """Return the ledger of an account that is worth ``equity``."""
    budgets = configured(settings)
    books = subledger.empty([sleeve.name for sleeve in settings.sleeves], budgets * equity)
    count = len(budgets)
    return SleeveLedger(
        books=books,
        budgets=budgets,
        off=(None,) * count,
        switched=(0,) * count,
        worst=np.zeros(count),
        begun=time,
        day=time.toordinal(),
        day_equity=budgets * equity,
        returns=np.zeros((0, count)),
        month=(time.year, time.month),
    )


def admitted(settings: EnsembleSettings, level: StrategyLevel) -> Bools:
    """Return which sleeves may trade in a tier whose strategies go up to ``level``."""
    most = ORDER.index(level)
    return np.array(
        [ORDER.index(LEVELS[sleeve.strategy]) <= most for sleeve in settings.sleeves],
        dtype=np.bool_,
    )


def configured(settings: EnsembleSettings) -> Floats:
    """Return the budgets of the config."""
    return np.array([sleeve.budget for sleeve in settings.sleeves], dtype=np.float64)


def limits(settings: EnsembleSettings) -> Floats:
    """Return each sleeve's drawdown limit."""
    return np.array(
        [sleeve.max_drawdown or settings.max_drawdown for sleeve in settings.sleeves],
        dtype=np.float64,
    )


def observed(
    ledger: SleeveLedger,
    time: datetime,
    prices: Mapping[str, float],
    equity: float,
    settings: EnsembleSettings,
) -> SleeveLedger:
    """Return the ledger at the prices of a closed candle: who has lost too much is switched off,
    and with the first candle of a month the account's ``equity`` is shared anew."""
    ledger = replace(ledger, books=subledger.marked(ledger.books, prices))
    ledger = _days(ledger, time)
    fall = ledger.books.drawdown[:-1]
    over = (fall >= limits(settings)) & ledger.active
    ledger = replace(
        ledger,
        worst=np.fmax(ledger.worst, fall),
        off=tuple(time if now else since for since, now in zip(ledger.off, over, strict=True)),
        switched=tuple(n + bool(now) for n, now in zip(ledger.switched, over, strict=True)),
    )
    if (time.year, time.month) != ledger.month:
        ledger = _shared_anew(ledger, time, equity, settings)
    return ledger


def _days(ledger: SleeveLedger, time: datetime) -> SleeveLedger:
    day = time.toordinal()
    if day == ledger.day:
        return ledger
    equity, before = ledger.books.equity[:-1], ledger.day_equity
    usable = (before > 0) & np.isfinite(equity)
    made = np.where(usable, equity / np.where(usable, before, 1.0) - 1.0, 0.0)
    returns = np.vstack([ledger.returns, made])[-KEPT_DAYS:]
    return replace(ledger, day=day, day_equity=equity, returns=returns)


def _shared_anew(
    ledger: SleeveLedger, time: datetime, equity: float, settings: EnsembleSettings
) -> SleeveLedger:
    budgets = configured(settings)
    if settings.budgets == "inverse_volatility":
        budgets = inverse_volatility(budgets, ledger.returns)
    ledger = replace(ledger, budgets=budgets, month=(time.year, time.month))
    if not (np.isfinite(equity) and equity > 0):
        return ledger
    books = subledger.rebased(ledger.books, budgets * equity)
    return replace(ledger, books=books, day_equity=books.equity[:-1])


def resumed(ledger: SleeveLedger, names: Iterable[str]) -> SleeveLedger:
    """Return the ledger with these sleeves on again, their drawdown counted from now."""
    chosen = set(names)
    rows = np.array([name in chosen for name in ledger.books.names[:-1]], dtype=np.bool_)
    rows &= ~ledger.active
    off = tuple(None if now else since for since, now in zip(ledger.off, rows, strict=True))
    return replace(ledger, books=subledger.resumed(ledger.books, rows), off=off)


def operated(ledger: SleeveLedger, time: datetime, hours: float) -> SleeveLedger:
    """Return the ledger as the simulated operator of a backtest leaves it: a sleeve is on again
    after ``hours``."""
    wait = timedelta(hours=hours)
    names = [
        name
        for name, since in zip(ledger.books.names[:-1], ledger.off, strict=True)
        if since is not None and time - since >= wait
    ]
    return resumed(ledger, names) if names else ledger


def to_dict(ledger: SleeveLedger) -> dict[str, Any]:
    """Return the ledger as plain data."""
    return {
        "books": subledger.to_dict(ledger.books),
        "budgets": ledger.budgets.tolist(),
        "off": [None if since is None else since.isoformat() for since in ledger.off],
        "switched": list(ledger.switched),
        "worst": ledger.worst.tolist(),
        "begun": ledger.begun.isoformat(),
        "day": ledger.day,
        "day_equity": ledger.day_equity.tolist(),
        "returns": ledger.returns.tolist(),
        "month": list(ledger.month),
    }


def from_dict(saved: Mapping[str, Any], settings: EnsembleSettings, equity: float) -> SleeveLedger:
    """Return the ledger of :func:`to_dict` for the sleeves of the config as it is now: one that is
    new begins today, one that is gone leaves what it holds to the rest."""
    known = subledger.from_dict(saved["books"])
    names = tuple(sleeve.name for sleeve in settings.sleeves)
    budgets = configured(settings)
    books = subledger.arranged(known, names, budgets * equity)
    column = {name: place for place, name in enumerate(known.names[:-1])}
    begun = datetime.fromisoformat(saved["begun"])
    off = [saved["off"][column[name]] if name in column else None for name in names]
    same = known.names[:-1] == names
    rows = np.array(saved["returns"], dtype=np.float64).reshape(-1, len(known.names) - 1)
    return SleeveLedger(
        books=books,
        budgets=np.array(saved["budgets"]) if same and _kept(saved, settings) else budgets,
        off=tuple(None if since is None else datetime.fromisoformat(since) for since in off),
        switched=tuple(saved["switched"][column[n]] if n in column else 0 for n in names),
        worst=np.array([saved["worst"][column[n]] if n in column else 0.0 for n in names]),
        begun=begun,
        day=int(saved["day"]),
        day_equity=np.array(saved["day_equity"]) if same else books.equity[:-1],
        returns=rows if same else np.zeros((0, len(names))),
        month=(int(saved["month"][0]), int(saved["month"][1])),
    )


def _kept(saved: Mapping[str, Any], settings: EnsembleSettings) -> bool:
    """Tell whether the saved budgets are those of this month: not where a config's fixed ones have
    changed since."""
    return settings.budgets == "inverse_volatility"


def figures(ledger: SleeveLedger, settings: EnsembleSettings) -> dict[str, dict[str, Any]]:
    """Return what a person is shown of each sleeve, and of the rest where there is one; money in
    stake currency, shares as fractions."""
    books = ledger.books
    shown: dict[str, dict[str, Any]] = {}
    for row, name in enumerate(books.names):
        money = {
            "pnl": float(books.pnl[row]),
            "fees": float(books.fees[row]),
            "funding": float(books.funding[row]),
            "exposure": float(books.exposure[row]),
        }
        if row == len(books.names) - 1:
            if any(abs(value) >= CENT for value in money.values()):
                shown[name] = money
            continue
        since = ledger.off[row]
        shown[name] = {
            "strategy": settings.sleeves[row].strategy,
            "budget": float(ledger.budgets[row]),
            "equity": float(books.equity[row]),
            **money,
            "drawdown": float(books.drawdown[row]),
            "worst_drawdown": float(ledger.worst[row]),
            "limit": float(limits(settings)[row]),
            "off_since": None if since is None else since.isoformat(),
            "switched_off": ledger.switched[row],
        }
    return shown
