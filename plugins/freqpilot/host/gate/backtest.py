"""The same gate and the same ledger inside Freqtrade's backtester.

A run begins with ``Backtesting.reset_backtest`` (also each hyperopt epoch in its worker): the
ledger starts anew there, in memory. Each candle the ledger sees the equity at the closes known by
then, before any entry of that candle.
"""

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any

from freqpilot.host.account.positions import account_equity, position_of
from freqpilot.host.candles import feeds
from freqpilot.host.gate import bookrisk
from freqpilot.host.run import supervisor
from freqpilot.host.seams.seam import Seam, SeamError, expect, wrap
from freqpilot.host.trading import sleeves
from freqpilot.shapes import OrderPurpose, OrderRequest

ENTER_PARAMETERS = ["pair", "row", "direction", "trade", "requested_rate", "requested_stake"]
STAKE_PARAMETERS = ["pair", "row", "propose_rate", "direction", "current_time", "trade"]
LOOKAHEAD = "initialize_single_lookahead_analysis"
CLOSE = 4  # position of the close in Freqtrade's row tuples, checked by the seam


def allowed(
    pair: str, time: datetime, direction: str, purpose: OrderPurpose, order: dict[str, float]
) -> bool:
    """Ask the supervisor about an order of the backtester; False also when asking failed."""
    from freqtrade.persistence import LocalTrade

    try:
        request = OrderRequest(
            time=time,
            pair=pair,
            side="short" if direction == "short" else "long",
            purpose=purpose,
            stake=float(order["stake"]),
            rate=float(order["rate"]),
            leverage=float(order["leverage"]),
        )
        rates = supervisor.current().rates
        positions = [position_of(trade, rates) for trade in LocalTrade.bt_trades_open]
        return supervisor.ask(request, positions, bookrisk.BOOK.asked(request, positions)).allowed
    except Exception as error:  # whatever went wrong, an unjudged order is not placed
        supervisor.count_gate_error(error)
        return False


def _make_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    def _enter_trade(
        self: Any,
        pair: str,
        row: tuple[Any, ...],
        direction: str,
        stake_amount: float | None = None,
        trade: Any = None,
        requested_rate: float | None = None,
        requested_stake: float | None = None,
        entry_tag1: str | None = None,
    ) -> Any:
        """A replacement brings its own rate and stake, so it is judged here."""
        if requested_rate and trade is not None:
            order = {
                "stake": requested_stake or trade.stake_amount,
                "rate": requested_rate,
                "leverage": trade.leverage,
            }
            if not allowed(pair, row[0].to_pydatetime(), direction, "replace", order):
                return trade
        return original(
            self,
            pair,
            row,
            direction,
            stake_amount,
            trade,
            requested_rate,
            requested_stake,
            entry_tag1,
        )

    return _enter_trade


def _make_stake(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_valid_entry_price_and_stake(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Entries and position adjustments get their final stake here; refused is stake 0."""
        rate, stake, leverage, min_stake = original(self, *args, **kwargs)
        if not stake:
            return rate, stake, leverage, min_stake
        # Positions as in Backtesting.get_valid_entry_price_and_stake, which the seam checks.
        pair, _, _, _, direction, time, _, trade = args[:8]
        purpose: OrderPurpose = "entry" if trade is None else "add"
        order = {"stake": stake, "rate": rate, "leverage": leverage}
        if not allowed(pair, time, direction, purpose, order):
            stake = 0.0
        return rate, stake, leverage, min_stake

    return get_valid_entry_price_and_stake


def _make_reset(original: Callable[..., Any]) -> Callable[..., Any]:
    def reset_backtest(self: Any, *args: Any, **kwargs: Any) -> Any:
        supervisor.begin(self.config, live=False).feed = feeds.BacktestFeed(self.config)
        bookrisk.BOOK.begin(bookrisk.stored_candles(self.config, self.timeframe), self.timeframe)
        return original(self, *args, **kwargs)

    return reset_backtest


def _make_backtest(original: Callable[..., Any]) -> Callable[..., Any]:
    def backtest(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        # The only part of the config that Freqtrade exports with the result.
        exported = self.config.get("original_config")
        if isinstance(exported, dict):
            facts = supervisor.facts() | sleeves.KEEPER.facts()
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
                    supervisor.closed(LocalTrade.bt_trades[taken:])
                    taken = len(LocalTrade.bt_trades)
                free = self.wallets.get_free(stake_currency)
                equity = account_equity(free, LocalTrade.bt_trades_open, closes)
                supervisor.observe(time, equity, closes)
            yield item
            pending[pair] = row[CLOSE]

    return time_pair_generator


def _check() -> None:
    from freqtrade.data.history.datahandlers.idatahandler import IDataHandler
    from freqtrade.optimize import backtesting
    from freqtrade.persistence import LocalTrade

    cls = backtesting.Backtesting
    expect(cls, "_enter_trade", ENTER_PARAMETERS)
    expect(cls, "get_valid_entry_price_and_stake", STAKE_PARAMETERS)
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

    wrap(Backtesting, "_enter_trade", _make_enter)
    wrap(Backtesting, "get_valid_entry_price_and_stake", _make_stake)
    wrap(Backtesting, "reset_backtest", _make_reset)
    wrap(Backtesting, "time_pair_generator", _make_generator)
    wrap(Backtesting, "backtest", _make_backtest)


def universe(config: Mapping[str, Any]) -> list[str]:
    """Return the pairs that a config names, none where it names them by a pattern."""
    named = config.get("pairs") or config.get("exchange", {}).get("pair_whitelist", [])
    plain = all(set(pair).isdisjoint("*+?[]()|^$\\") for pair in named)
    return list(named) if plain else []


def without_latches(ensemble: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of sleeves that no past of the account changes."""
    free = {**ensemble, "max_drawdown": 1.0, "budgets": "fixed"}
    if "sleeves" in ensemble:
        free["sleeves"] = [{**each, "max_drawdown": None} for each in ensemble["sleeves"]]
    return free


def _check_lookahead() -> None:
    from freqtrade.optimize.analysis.lookahead_helpers import LookaheadAnalysisSubFunctions

    expect(LookaheadAnalysisSubFunctions, LOOKAHEAD, ["config"])


def _apply_lookahead() -> None:
    from freqtrade.optimize.analysis.lookahead_helpers import LookaheadAnalysisSubFunctions

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def initialize(config: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            """Each signal is looked for again in a backtest of its pair alone. What the account
            has lost on other pairs is missing there, and so are the pairs that it is ranked
            against; both would be taken for look-ahead."""
            section = {"universe": universe(config), **config.get("freqpilot", {})}
            section |= {"supervisor": False, "analysis": True}
            section["ensemble"] = without_latches(section.get("ensemble", {}))
            return original({**config, "freqpilot": section}, *args, **kwargs)

        return initialize

    wrap(LookaheadAnalysisSubFunctions, LOOKAHEAD, make)


SEAMS = (
    Seam("gate.backtest", "the same gate and ledger in the backtester", _check, _apply),
    Seam(
        "lookahead",
        "judge signals without the account's past in lookahead-analysis",
        _check_lookahead,
        _apply_lookahead,
    ),
)
