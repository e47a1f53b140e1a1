"""What Freqpilot uses of Freqtrade's objects, as types: Freqtrade ships none.

Each attribute and method here is one that Freqpilot reads or calls, and mypy lets it use no other.
They are checked against the installed Freqtrade like every seam (``SEAMS``): ``freqpilot doctor``
and ``make compat`` name what is gone. A parameter that is passed by its position is positional
here.
"""

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from freqpilot.host.seams.seam import Place, Seam

Config = dict[str, Any]
ExchangeOrder = dict[str, Any]
"""An order as ccxt gives it."""


class Order(Protocol):
    """An order of a trade (``freqtrade.persistence.Order``)."""

    order_id: str
    ft_order_side: str
    ft_is_open: bool
    ft_amount: float
    ft_order_tag: str | None
    ft_pair: str
    ft_price: float
    ft_trade_id: int
    stop_price: float | None
    amount: float
    remaining: float | None
    price: float | None
    average: float | None
    cost: float | None
    side: str | None
    filled: float | None
    funding_fee: float | None
    order_filled_utc: datetime | None
    order_date_utc: datetime
    safe_price: float
    safe_filled: float
    safe_remaining: float
    safe_amount_after_fee: float


class Trade(Protocol):
    """A trade, of a bot or of a backtest (``freqtrade.persistence.Trade``)."""

    id: int
    pair: str
    base_currency: str | None
    is_open: bool
    is_short: bool
    amount: float
    stake_amount: float
    open_rate: float
    leverage: float | None
    stop_loss: float | None
    liquidation_price: float | None
    stoploss_or_liquidation: float
    amount_precision: float | None
    price_precision: float | None
    precision_mode_price: int | None
    contract_size: float | None
    fee_open: float | None
    fee_close: float | None
    funding_fees: float | None
    realized_profit: float | None
    close_profit_abs: float | None
    enter_tag: str | None
    exit_reason: str | None
    orders: list[Any]
    open_orders: list[Any]
    open_sl_orders: list[Any]
    has_open_orders: bool
    nr_of_successful_entries: int
    entry_side: str
    exit_side: str
    trade_direction: str
    open_date_utc: datetime
    close_date_utc: datetime
    date_last_filled_utc: datetime | None

    def calc_profit_ratio(self, rate: float, /) -> float: ...
    def recalc_trade_from_orders(self) -> None: ...
    def get_custom_data(self, key: str, /) -> Any: ...
    def set_custom_data(self, key: str, value: Any, /) -> None: ...
    def delete(self) -> None: ...
    def adjust_stop_loss(
        self, current_price: float, stoploss: float, /, *, initial: bool
    ) -> None: ...


class Wallets(Protocol):
    """The money and coins of the account (``freqtrade.wallets.Wallets``)."""

    def get_free(self, currency: str, /) -> float: ...
    def get_total(self, currency: str, /) -> float: ...
    def get_all_balances(self) -> dict[str, Any]: ...
    def get_all_positions(self) -> dict[str, Any]: ...
    def update(self, *, require_update: bool = True) -> None: ...


class Exchange(Protocol):
    """The exchange (``freqtrade.exchange.exchange.Exchange``)."""

    _config: Config
    _api: Any
    trading_mode: str
    markets: dict[str, Any]
    id: str
    precisionMode: int
    precision_mode_price: int
    liquidation_buffer: float
    _pairs_last_poll_time: dict[Any, int]

    def get_rate(self, pair: str, /, *, refresh: bool, side: str, is_short: bool) -> float: ...
    def klines(self, pair_interval: tuple[Any, ...], /, *, copy: bool) -> pd.DataFrame: ...
    def refresh_latest_ohlcv(
        self,
        pair_list: Sequence[tuple[Any, ...]],
        /,
        *,
        since_ms: int | None = None,
        cache: bool = True,
    ) -> dict[Any, pd.DataFrame]: ...
    def fetch_l2_order_book(self, pair: str, limit: int, /) -> Any: ...
    def fetch_ticker(self, pair: str, /) -> Any: ...
    def get_maintenance_ratio_and_amt(
        self, pair: str, notional_value: float, /
    ) -> tuple[float, float | None]: ...
    def fetch_positions(self) -> list[Any]: ...
    def get_balances(self) -> dict[str, Any]: ...
    def fetch_orders(self, pair: str, since: datetime, /) -> list[ExchangeOrder]: ...
    def fetch_stoploss_order(self, order_id: str, pair: str, /) -> ExchangeOrder: ...
    def fetch_order_or_stoploss_order(
        self, order_id: str, pair: str, stoploss_order: bool, /
    ) -> ExchangeOrder: ...
    def cancel_stoploss_order_with_result(
        self, order_id: str, pair: str, amount: float, /
    ) -> ExchangeOrder: ...
    def create_stoploss(
        self,
        *,
        pair: str,
        amount: float,
        stop_price: float,
        order_types: dict[str, Any],
        side: str,
        leverage: float,
    ) -> ExchangeOrder: ...
    def get_option(self, param: str, default: Any = None, /) -> Any: ...
    def price_to_precision(self, pair: str, price: float, /) -> float: ...
    def amount_to_precision(self, pair: str, amount: float, /) -> float: ...
    def exchange_has(self, endpoint: str, /) -> bool: ...
    def reload_markets(self, force: bool, /) -> None: ...
    def get_contract_size(self, pair: str, /) -> float | None: ...
    def get_pair_base_currency(self, pair: str, /) -> str: ...
    def get_fee(self, *, symbol: str, taker_or_maker: str) -> float: ...
    def get_precision_amount(self, pair: str, /) -> float | None: ...
    def get_precision_price(self, pair: str, /) -> float | None: ...
    def get_min_pair_stake_amount(
        self, pair: str, price: float, stoploss: float, leverage: float | None, /
    ) -> float | None: ...
    def _order_contracts_to_amount(self, order: Any, /) -> ExchangeOrder: ...
    def _contracts_to_amount(self, pair: str, num_contracts: float, /) -> float: ...


class DataProvider(Protocol):
    """The candles that a bot or a backtest has (``freqtrade.data.dataprovider.DataProvider``)."""

    _exchange: Any

    def current_whitelist(self) -> list[str]: ...
    def get_pair_dataframe(self, pair: str, timeframe: str | None, /) -> pd.DataFrame: ...
    def get_analyzed_dataframe(
        self, pair: str, timeframe: str, /
    ) -> tuple[pd.DataFrame, datetime]: ...
    def ohlcv(self, pair: str, timeframe: str, /, *, copy: bool) -> pd.DataFrame: ...


class Strategy(Protocol):
    """A strategy (``freqtrade.strategy.interface.IStrategy``)."""

    config: Config
    dp: DataProvider
    timeframe: str
    stoploss: float
    order_types: dict[str, Any]
    use_custom_stoploss: bool
    order_filled: Callable[..., Any]
    confirm_trade_exit: Callable[..., Any]
    feature_engineering_expand_all: Callable[..., pd.DataFrame]
    feature_engineering_expand_basic: Callable[..., pd.DataFrame]
    feature_engineering_standard: Callable[..., pd.DataFrame]
    set_freqai_targets: Callable[..., pd.DataFrame]

    def get_strategy_name(self) -> str: ...
    def is_pair_locked(self, pair: str, /, *, candle_date: datetime | None, side: str) -> bool: ...


class Bot(Protocol):
    """The bot (``freqtrade.freqtradebot.FreqtradeBot``)."""

    config: Config
    exchange: Exchange
    wallets: Wallets
    strategy: Strategy
    dataprovider: DataProvider
    rpc: Any
    state: Any
    trading_mode: str
    _exit_lock: threading.Lock

    def execute_trade_exit(
        self,
        trade: Any,
        limit: float,
        /,
        *,
        exit_check: Any,
        ordertype: str | None = None,
        sub_trade_amt: float | None = None,
    ) -> bool: ...
    def create_stoploss_order(self, trade: Any, stop_price: float, /) -> bool: ...
    def cancel_stoploss_on_exchange(self, trade: Any, /) -> Any: ...
    def handle_protections(self, pair: str, side: str, /) -> None: ...
    def _notify_exit(self, trade: Any, order_type: str | None, fill: bool, /) -> None: ...
    def emergency_exit(self, trade: Any, price: float, /) -> None: ...
    def cancel_open_orders_of_trade(self, trade: Any, sides: list[str], reason: str, /) -> None: ...
    def update_trade_state(
        self,
        trade: Any,
        order_id: str | None,
        action_order: ExchangeOrder | None = None,
        /,
        *,
        stoploss_order: bool = False,
        send_msg: bool = True,
    ) -> bool: ...
    def notify_status(self, msg: str, /) -> None: ...


class Rpc(Protocol):
    """What answers a person (``freqtrade.rpc.rpc.RPC``)."""

    _freqtrade: Bot


class ConfigurationReader(Protocol):
    """What reads the configuration (``freqtrade.configuration.Configuration``)."""

    args: Config


class CandleFiles(Protocol):
    """What reads candles from files of one kind (``IDataHandler``)."""

    _datadir: Path

    def _pair_data_filename(
        self, datadir: Path, pair: str, timeframe: str, candle_type: Any, /
    ) -> Path: ...


class TimeRange(Protocol):
    """A range of time (``freqtrade.configuration.TimeRange``), in seconds since the epoch."""

    startts: int
    stopts: int
    startdt: datetime | None


class Worker(Protocol):
    """What runs the bot (``freqtrade.worker.Worker``)."""

    freqtrade: Bot
    _args: Config
    _config: Config

    def _sleep(self, sleep_duration: float, /) -> None: ...
    def _notify(self, message: str, /) -> None: ...


class Backtester(Protocol):
    """The backtester (``freqtrade.optimize.backtesting.Backtesting``)."""

    config: Config
    exchange: Exchange
    strategy: Strategy
    timeframe: str
    wallets: Wallets
    precision_mode: int


class Drawer(Protocol):
    """FreqAI's files and models (``freqtrade.freqai.data_drawer.FreqaiDataDrawer``)."""

    config: Config
    freqai_info: Config
    full_path: Path
    pair_dict: dict[str, Any]
    pair_dictionary_path: Path
    model_dictionary: dict[str, Any]
    meta_data_dictionary: dict[str, Any]
    historic_data: dict[str, dict[str, pd.DataFrame]]
    historic_predictions: dict[str, pd.DataFrame]
    historic_predictions_path: Path
    historic_predictions_bkp_path: Path
    history_lock: Any
    save_drawer_to_disk: Callable[[], None]
    save_historic_predictions_to_disk: Callable[[], None]
    save_metric_tracker_to_disk: Callable[[], None]

    def get_pair_dict_info(self, pair: str, /) -> tuple[Any, ...]: ...
    def get_base_and_corr_dataframes(
        self, timerange: Any, pair: str, dk: Any, /
    ) -> tuple[dict[str, Any], dict[str, Any]]: ...


class Kitchen(Protocol):
    """FreqAI's frames of one pair (``freqtrade.freqai.data_kitchen.FreqaiDataKitchen``)."""

    config: Config
    freqai_config: Config
    live: bool
    pair: str
    all_pairs: list[str]
    data: dict[str, Any]
    data_path: Path
    full_path: Path
    model_filename: str
    training_features_list: list[str]
    label_list: list[str]
    feature_pipeline: Any
    thread_count: int
    return_dataframe: pd.DataFrame
    training_timeranges: list[Any]

    def get_pair_data_for_features(
        self,
        pair: str,
        tf: str,
        strategy: Any,
        corr_dataframes: dict[str, Any],
        base_dataframes: dict[str, Any],
        is_corr_pairs: bool,
        /,
    ) -> pd.DataFrame: ...
    def populate_features(
        self,
        dataframe: pd.DataFrame,
        pair: str,
        strategy: Any,
        corr_dataframes: dict[str, Any],
        base_dataframes: dict[str, Any],
        is_corr_pairs: bool = False,
        /,
    ) -> pd.DataFrame: ...
    def remove_special_chars_from_feature_names(
        self, dataframe: pd.DataFrame, /
    ) -> pd.DataFrame: ...
    def get_unique_classes_from_labels(self, dataframe: pd.DataFrame, /) -> None: ...


class AiModel(Protocol):
    """FreqAI's base of models (``freqtrade.freqai.freqai_interface.IFreqaiModel``)."""

    config: Config
    freqai_info: Config
    dd: Drawer
    live: bool
    train_queue: Any
    _stop_event: threading.Event

    def train_timer(self, do: str, pair: str = "", /) -> None: ...
    def extract_data_and_train_model(
        self,
        new_trained_timerange: Any,
        pair: str,
        strategy: Any,
        dk: Any,
        data_load_timerange: Any,
        /,
    ) -> None: ...


class Api(Protocol):
    """The exchange's client, of ccxt and not Freqtrade's own."""

    id: str
    has: Mapping[str, Any]
    fetch: Callable[..., Any]
    create_order: Callable[..., Any]
    fetch_ohlcv: Callable[..., list[list[Any]]]
    fetch_order: Callable[..., Any]
    fetch_open_orders: Callable[..., list[Any]]
    fetch_closed_orders: Callable[..., list[Any]]
    cancel_order: Callable[..., Any]
    market: Callable[[str], dict[str, Any]]


def uses_of(protocol: type, at: str) -> tuple[Place, ...]:
    """Return the places that a protocol names.

    :param at: Freqtrade's class, as ``"freqtrade.worker:Worker"``.
    """
    members = {**_attributes(protocol), **_methods(protocol)}
    return tuple(Place(f"{at}.{name}", parameters) for name, parameters in sorted(members.items()))


def _attributes(protocol: type) -> dict[str, Sequence[str]]:
    return dict.fromkeys(inspect.get_annotations(protocol), ())


def _methods(protocol: type) -> dict[str, Sequence[str]]:
    found = {name: each for name, each in vars(protocol).items() if inspect.isfunction(each)}
    own = {name: each for name, each in found.items() if each.__module__ == __name__}
    return {name: [*inspect.signature(each).parameters][1:] for name, each in own.items()}


def _seam(group: str, what: str, classes: Mapping[type, str]) -> Seam:
    return Seam(
        f"types.{group}",
        f"read {what} as Freqtrade has them",
        until="Freqtrade ships types and keeps to them",
        places=tuple(place for kind, at in classes.items() for place in uses_of(kind, at)),
    )


TRADING = _seam(
    "trading",
    "trades, orders, strategies and candles",
    {
        Trade: "freqtrade.persistence:Trade",
        Order: "freqtrade.persistence:Order",
        Strategy: "freqtrade.strategy.interface:IStrategy",
        DataProvider: "freqtrade.data.dataprovider:DataProvider",
        Wallets: "freqtrade.wallets:Wallets",
        Exchange: "freqtrade.exchange.exchange:Exchange",
    },
)
LIVE = _seam(
    "live",
    "the bot and what runs it",
    {
        Bot: "freqtrade.freqtradebot:FreqtradeBot",
        Worker: "freqtrade.worker:Worker",
        Rpc: "freqtrade.rpc.rpc:RPC",
    },
)
BACKTEST = _seam(
    "backtest",
    "the backtester",
    {Backtester: "freqtrade.optimize.backtesting:Backtesting"},
)
FREQAI = _seam(
    "freqai",
    "FreqAI's models, frames and files",
    {
        AiModel: "freqtrade.freqai.freqai_interface:IFreqaiModel",
        Kitchen: "freqtrade.freqai.data_kitchen:FreqaiDataKitchen",
        Drawer: "freqtrade.freqai.data_drawer:FreqaiDataDrawer",
        TimeRange: "freqtrade.configuration:TimeRange",
    },
)
CONFIG = _seam(
    "config",
    "the configuration",
    {ConfigurationReader: "freqtrade.configuration.configuration:Configuration"},
)
CANDLES = _seam(
    "candles",
    "files of candles",
    {CandleFiles: "freqtrade.data.history.datahandlers.idatahandler:IDataHandler"},
)
