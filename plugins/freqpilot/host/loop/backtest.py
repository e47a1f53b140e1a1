"""The backtester's loop: begins a run, and shows it the account before each candle's entries.

A run begins with ``Backtesting.reset_backtest`` (also each hyperopt epoch in its worker): the
ledger starts anew there, in memory. Each candle the ledger sees the equity at the closes known by
then, before any entry of that candle.
"""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from freqpilot.host.account import verdict
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import closed, observe
from freqpilot.host.account.positions import account_equity
from freqpilot.host.candles import feeds, stored
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run.current import current
from freqpilot.host.seams.seam import Seam, SeamError, expect, wrap
from freqpilot.host.trading import sleeves

CLOSE = 4  # position of the close in Freqtrade's row tuples, checked by the seam


def _make_reset(original: Callable[..., Any]) -> Callable[..., Any]:
    def reset_backtest(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = begin(self.config, live=False)
        run.feed = feeds.BacktestFeed(self.config)
        source = stored.stored_candles(self.config, self.timeframe)
        run.part(BookRisk).begin(source, self.timeframe)
        return original(self, *args, **kwargs)

    return reset_backtest


def _make_backtest(original: Callable[..., Any]) -> Callable[..., Any]:
    def backtest(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        # The only part of the config that Freqtrade exports with the result.
        exported = self.config.get("original_config")
        if isinstance(exported, dict):
            run = current()
            facts = verdict.facts(run) | run.part(sleeves.Keeper).facts()
            exported.setdefault("freqpilot", {})["run"] = facts
        return result

    return backtest


def _make_generator(original: Callable[..., Any]) -> Callable[..., Any]:
    def time_pair_generator(
        self: Any, *args: Any, **kwargs: Any
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


def _check() -> None:
    from freqtrade.data.history.datahandlers.idatahandler import IDataHandler
    from freqtrade.optimize import backtesting
    from freqtrade.persistence import LocalTrade

    cls = backtesting.Backtesting
    expect(cls, "reset_backtest")
    expect(cls, "time_pair_generator")
    expect(cls, "backtest", ["processed", "start_date", "end_date"])
    parameters = ["datadir", "pair", "timeframe", "candle_type"]
    expect(IDataHandler, "_pair_data_filename", parameters)
    expect(LocalTrade, "bt_trades_open")
    expect(LocalTrade, "bt_trades")
    if backtesting.HEADERS[:5] != ["date", "open", "high", "low", "close"]:
        raise SeamError("the backtester's rows do not begin with date, open, high, low, close")


def _apply() -> None:
    from freqtrade.optimize.backtesting import Backtesting

    wrap(Backtesting, "reset_backtest", _make_reset)
    wrap(Backtesting, "time_pair_generator", _make_generator)
    wrap(Backtesting, "backtest", _make_backtest)


SEAMS = (Seam("ledger.backtest", "show the account to risk before each candle", _check, _apply),)
