"""The backtester's loop: begins a run, and shows it the account before each candle's entries.

A run begins with ``Backtesting.reset_backtest`` (also each hyperopt epoch in its worker): the
ledger starts anew there, in memory. Each candle the ledger sees the equity at the closes known by
then, before any entry of that candle.
"""

import atexit
import threading
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.account import verdict
from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import Interventions, table
from freqpilot.host.account.observed import closed, observe
from freqpilot.host.account.positions import account_equity
from freqpilot.host.candles import daily, feeds, stored
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Backtester
from freqpilot.host.seams.seam import Place, Seam, SeamError, uses
from freqpilot.host.trading import sleeves

WIDTH = 120
CLOSE = 4  # position of the close in Freqtrade's row tuples, checked by the seam


def _begin(backtester: Backtester) -> Run:
    """Begin a backtest's run.

    :raises OperationalException: Freqtrade's, which it shows as one line, when it may not start.
    """
    from freqtrade.exceptions import OperationalException

    try:
        return begin(backtester.config, live=False)
    except RefuseToStart as error:
        raise OperationalException(f"Freqpilot stops the backtest: {error}") from None


def _make_reset(original: Callable[..., Any]) -> Callable[..., Any]:
    def reset_backtest(self: Backtester, *args: object, **kwargs: object) -> Any:
        run = _begin(self)
        run.feed = feeds.BacktestFeed(self.config)
        source = stored.stored_candles(self.config, self.timeframe)
        run.part(BookRisk).begin(source, self.timeframe)
        days = daily.stored_days(self.config, self.timeframe)
        # Freqtrade makes its first run before it has a strategy.
        run.part(WaysOut).begin(days, getattr(self, "strategy", None), self.config)
        run.part(Interventions).begin(self.timeframe)
        return original(self, *args, **kwargs)

    return reset_backtest


def _make_backtest(original: Callable[..., Any]) -> Callable[..., Any]:
    def backtest(self: Backtester, *args: object, **kwargs: object) -> Any:
        result = original(self, *args, **kwargs)
        # The only part of the config that Freqtrade exports with the result.
        exported = self.config.get("original_config")
        if isinstance(exported, dict):
            run = current()
            facts = verdict.facts(run) | run.part(sleeves.Keeper).facts()
            exported.setdefault("freqpilot", {})["run"] = facts
        if str(self.config.get("runmode")) == "backtest":
            _show(current(), self.strategy.get_strategy_name())
        return result

    return backtest


def _show(run: Run, strategy: str) -> None:
    """Print what the supervisor changed, where it changed something: last of all, behind what
    Freqtrade prints. Only a web server's backtest, in a thread, has no end to wait for."""
    rows = run.part(Interventions).rows()
    if not rows:
        return
    done = "cut, refused and closed"
    would = "would have " if run.settings.risk.watches else ""
    title = f"{strategy}: what Freqpilot {would}{done}"
    if threading.current_thread() is threading.main_thread():
        atexit.register(_print, rows, title)
    else:
        _print(rows, title)


def _print(rows: list[dict[str, Any]], title: str) -> None:
    from rich.console import Console

    Console(width=WIDTH).print(table(rows, title))


def _make_generator(original: Callable[..., Any]) -> Callable[..., Any]:
    def time_pair_generator(
        self: Backtester, *args: object, **kwargs: object
    ) -> Generator[tuple[Any, ...], None, None]:
        from freqtrade.persistence import LocalTrade

        taken = len(LocalTrade.bt_trades)
        closes: dict[str, float] = {}
        pending: dict[str, float] = {}
        seen: datetime | None = None
        stake_currency = self.config["stake_currency"]
        for item in original(self, *args, **kwargs):
            time, pair, row = item[0], item[1], item[2]
            if time != seen:
                # The rows of the step before are closed candles now.
                closes.update(pending)
                pending.clear()
                seen = time
                if len(LocalTrade.bt_trades) > taken:
                    closed(current(), LocalTrade.bt_trades[taken:])
                    taken = len(LocalTrade.bt_trades)
                free = self.wallets.get_free(stake_currency)
                equity = account_equity(free, LocalTrade.bt_trades_open, closes)
                observe(current(), time, equity, closes)
            yield item
            pending[pair] = row[CLOSE]

    return time_pair_generator


def _check_rows() -> None:
    from freqtrade.optimize import backtesting

    if backtesting.HEADERS[:5] != ["date", "open", "high", "low", "close"]:
        raise SeamError("the backtester's rows do not begin with date, open, high, low, close")


BACKTESTING = "freqtrade.optimize.backtesting:Backtesting"
SEAMS = (
    Seam(
        "loop.backtest",
        "begin a run with each backtest, and see the account before each candle's entries",
        until="the backtester calls a plug-in at its start and before each candle",
        places=(
            Place(f"{BACKTESTING}.reset_backtest", make=_make_reset),
            Place(f"{BACKTESTING}.time_pair_generator", make=_make_generator),
            Place(
                f"{BACKTESTING}.backtest", ["processed", "start_date", "end_date"], _make_backtest
            ),
            Place(
                "freqtrade.data.history.datahandlers.idatahandler:IDataHandler._pair_data_filename",
                ["datadir", "pair", "timeframe", "candle_type"],
            ),
            *uses("freqtrade.persistence:LocalTrade", "bt_trades", "bt_trades_open"),
            *uses("freqtrade.optimize.backtesting", "HEADERS"),
        ),
        also=_check_rows,
    ),
    # Autopilot overrides what is named here, and only there what judges them is imported: numba
    # alone would cost every other strategy's backtest 100 MB.
    Seam(
        "edge.groups",
        "judge the models of a group's pairs together, once a backtest has analysed all of them",
        until="Freqtrade calls the strategy once all pairs are analysed",
        places=(Place("freqtrade.strategy.interface:IStrategy.advise_all_indicators", ["data"]),),
    ),
)
