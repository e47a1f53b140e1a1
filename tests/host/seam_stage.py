"""What each place of the table of seams is called with by the test that Freqtrade's own behaviour
stays: the smallest objects that it looks at, and what Freqtrade's own function answers."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pandas as pd
from freqtrade.enums import State

NOW = datetime(2026, 1, 10, tzinfo=UTC)
RESULT = object()
"""What Freqtrade's own function answers where any answer will do."""


@dataclass(frozen=True)
class Case:
    """What a place is called with, and what Freqtrade's own function answers.

    :param own: makes the object whose method it is; None for a plain function.
    :param given: makes its arguments by name.
    :param answer: makes what Freqtrade's own function returns.
    :param seen: makes of a result what is to be equal to that answer.
    """

    own: Callable[[], Any] | None = None
    given: Callable[[], dict[str, Any]] = dict
    answer: Callable[[], Any] = lambda: RESULT
    seen: Callable[[Any], Any] = lambda answer: answer


def exchange(**more: Any) -> Any:
    api = MagicMock(id="binance", options={})
    config = {"dry_run": False, "stake_currency": "USDT"}
    return SimpleNamespace(trading_mode="spot", _config=config, _api=api, id="binance", **more)


def bot() -> Any:
    return SimpleNamespace(
        config={"dry_run": False, "timeframe": "1h", "stake_currency": "USDT"},
        exchange=exchange(get_min_pair_stake_amount=lambda *_: 5.0),
        strategy=SimpleNamespace(stoploss=-0.1),
        _exit_lock=threading.RLock(),
    )


def backtester() -> Any:
    own = SimpleNamespace(config={"stake_currency": "USDT", "runmode": "hyperopt"})
    own.exchange = SimpleNamespace(get_min_pair_stake_amount=lambda *_: 5.0)
    own.strategy = SimpleNamespace(order_filled=lambda **_: None)
    own.wallets = SimpleNamespace(get_free=lambda _: 1_000.0)
    return own


def trade() -> Any:
    own = MagicMock(spec=["calc_profit_ratio", "id", "pair", "entry_side", "is_open"])
    own.id, own.pair, own.entry_side = 1, "BTC/USDT", "buy"
    own.calc_profit_ratio.return_value = -0.5
    return own


def kitchen() -> Any:
    own = SimpleNamespace(live=False, pair="BTC/USDT", all_pairs=["BTC/USDT"], data_path=Path())
    own.config = {"timeframe": "1h", "freqpilot": {"features": {"shared": False}}}
    return own


def drawer() -> Any:
    return SimpleNamespace(
        config={"runmode": "backtest"},
        pair_dict={"BTC/USDT": {"model_filename": ""}},
        meta_data_dictionary={},
        freqai_info={"feature_parameters": {"include_timeframes": ["1h"]}},
        history_lock=threading.Lock(),
        historic_data={},
    )


def model() -> Any:
    config = {
        "freqpilot": {"models": {"training": {"enabled": False}}},
        "exchange": {"pair_whitelist": ["BTC/USDT"]},
    }
    own = SimpleNamespace(config=config, dd=drawer(), train_queue=deque(["BTC/USDT"]))
    own.freqai_info = own.dd.freqai_info
    return own


def strategy() -> Any:
    return SimpleNamespace(config={}, dp=SimpleNamespace(current_whitelist=list), __file__="")


def own_indicators() -> Any:
    kind = type("Old", (), {"populate_any_indicators": lambda *_: None})
    return kind()


def worker() -> Any:
    return SimpleNamespace(_args={}, freqtrade=SimpleNamespace(config={}, state=State.RUNNING))


def paths(found: list[Path]) -> list[Path]:
    """Return the folders that Freqtrade itself searches: those of packs come behind them."""
    return found[:1]


def at(**given: Any) -> Callable[[], dict[str, Any]]:
    return lambda: dict(given)


SEARCH = Case(
    own=lambda: type("Resolver", (), {}),
    given=lambda: {"config": {}, "user_subdir": None, "extra_dirs": ["more"]},
    answer=lambda: [Path("own")],
    seen=paths,
)
CANDLES = Case(
    own=lambda: SimpleNamespace(_datadir=Path(), _pair_data_filename=lambda *_: Path("f.feather")),
    given=at(pair="BTC/USDT", timeframe="1h", timerange=None, candle_type="spot"),
    answer=lambda: pd.DataFrame({"date": [NOW], "open": [1.0], "close": [1.0]}),
)
ENTRY = at(
    pair="BTC/USDT",
    price=100.0,
    stake_amount=900.0,
    trade_side="long",
    entry_tag="dip",
    trade=None,
    mode="initial",
    leverage_=None,
)


def backtest_entry() -> dict[str, Any]:
    return {
        **{"pair": "BTC/USDT", "row": (NOW, 1.0), "propose_rate": 100.0, "stake_amount": 900.0},
        **{"direction": "long", "current_time": datetime.now(UTC), "entry_tag": "dip"},
        **{"trade": None, "order_type": "limit", "price_precision": None},
        "precision_mode_price": 4,
    }


WINDOW = SimpleNamespace(startts=0)
CASES: dict[str, Case] = {
    **{
        f"{name}Resolver.build_search_paths": SEARCH
        for name in ("Strategy", "FreqaiModel", "HyperOptLoss", "Protection", "PairList")
    },
    "Configuration._process_runmode": Case(
        own=lambda: SimpleNamespace(args={}), given=at(config={}), answer=lambda: None
    ),
    "HyperoptTools.get_strategy_filename": Case(
        given=lambda: {"config": {"user_data_dir": "u"}, "strategy_name": "Mine"},
        answer=lambda: Path("own/Mine.py"),
    ),
    "HyperStrategyMixin.load_params_from_file": Case(own=strategy),
    **{f"{name}DataHandler._ohlcv_load": CANDLES for name in ("Feather", "Parquet", "Json")},
    "IStrategy.should_exit": Case(
        own=strategy,
        given=lambda: {
            **{"trade": trade(), "rate": 50.0, "current_time": NOW, "enter": False},
            **{"exit_": False, "low": 49.0, "high": 51.0, "force_stoploss": 0.0},
        },
        answer=lambda: ["an exit of the strategy"],
    ),
    "IStrategy.ft_check_timed_out": Case(
        own=strategy,
        given=lambda: {"trade": trade(), "order": MagicMock(), "current_time": NOW},
    ),
    "IStrategy.ft_stoploss_adjust": Case(
        own=strategy,
        given=lambda: {
            **{"current_rate": 50.0, "trade": trade(), "current_time": NOW},
            **{"current_profit": 0.1, "force_stoploss": 0.0, "low": 49.0, "high": 51.0},
            **{"bound_profit": 0.1, "after_fill": False},
        },
    ),
    "IStrategy._adjust_trade_position_internal": Case(
        own=strategy,
        given=lambda: {
            **{"trade": trade(), "current_time": NOW, "current_rate": 50.0},
            **{"current_profit": 0.1, "min_stake": 5.0, "max_stake": 9.0},
            **{"current_entry_rate": 50.0, "current_exit_rate": 50.0},
            **{"current_entry_profit": 0.1, "current_exit_profit": 0.1},
        },
        answer=lambda: (-3.0, "grind"),
    ),
    "Exchange.create_order": Case(
        own=exchange,
        given=at(
            **{"pair": "BTC/USDT", "ordertype": "market", "side": "buy", "amount": 9.0},
            **{"rate": 100.0, "leverage": 1.0, "time_in_force": "GTC", "reduceOnly": False},
            initial_order=True,
        ),
    ),
    "FreqtradeBot.get_valid_enter_price_and_stake": Case(
        own=bot, given=ENTRY, answer=lambda: (100.0, 900.0, 1.0)
    ),
    "Exchange.create_stoploss": Case(
        own=exchange,
        given=at(
            **{"pair": "BTC/USDT", "amount": 9.0, "stop_price": 90.0},
            **{"order_types": {"stoploss": "limit"}, "side": "sell", "leverage": 1.0},
        ),
    ),
    "FreqtradeBot.execute_entry": Case(
        own=bot,
        given=at(
            **{"pair": "BTC/USDT", "stake_amount": 900.0, "price": None, "is_short": False},
            **{"ordertype": None, "enter_tag": "dip", "trade": None, "mode": "initial"},
            leverage_=None,
        ),
    ),
    "Exchange._init_ccxt": Case(
        own=exchange,
        given=at(exchange_config={"name": "binance"}, sync=True, ccxt_kwargs={}),
        answer=lambda: SimpleNamespace(fetch=lambda: None),
    ),
    "FreqtradeBot.create_stoploss_order": Case(
        own=bot, given=lambda: {"trade": trade(), "stop_price": 90.0}
    ),
    "FreqtradeBot.startup": Case(own=bot),
    "FreqtradeBot.process": Case(own=bot),
    "FreqtradeBot.process_stopped": Case(own=bot),
    "FreqtradeBot.cleanup": Case(own=bot),
    "ProtectionManager.__init__": Case(
        own=SimpleNamespace, given=at(config={}, protections=[]), answer=lambda: None
    ),
    "RPC._rpc_reload_config": Case(
        own=lambda: SimpleNamespace(_freqtrade=SimpleNamespace(state=State.RUNNING, config={}))
    ),
    "Worker._worker": Case(own=worker, given=at(old_state=State.STOPPED)),
    "Worker._reconfigure": Case(own=worker, answer=lambda: None),
    "Worker._init": Case(own=worker, given=at(reconfig=False), answer=lambda: None),
    "Backtesting._enter_trade": Case(
        own=backtester,
        given=at(
            **{"pair": "BTC/USDT", "row": (NOW,), "direction": "long", "stake_amount": 9.0},
            **{"trade": None, "requested_rate": None, "requested_stake": None, "entry_tag1": "t"},
        ),
    ),
    "Backtesting.get_valid_entry_price_and_stake": Case(
        own=backtester, given=backtest_entry, answer=lambda: (100.0, 900.0, 1.0, 5.0)
    ),
    "Backtesting.time_pair_generator": Case(
        own=backtester,
        given=at(start_date=NOW, end_date=NOW, pairs=["BTC/USDT"], data={}),
        answer=lambda: [(NOW, "BTC/USDT", (NOW, 1.0, 1.0, 1.0, 1.0), False, None)],
        seen=list,
    ),
    "Backtesting.backtest": Case(
        own=backtester, given=at(processed={}, start_date=NOW, end_date=NOW)
    ),
    "DataProvider._set_cached_df": Case(
        own=SimpleNamespace,
        given=lambda: {
            **{"pair": "BTC/USDT", "timeframe": "1h", "dataframe": pd.DataFrame()},
            "candle_type": "spot",
        },
    ),
    "Backtesting._try_close_open_order": Case(
        own=backtester,
        given=lambda: {"order": None, "trade": trade(), "current_date": NOW, "row": (NOW,)},
    ),
    "freqai_interface.get_tb_logger": Case(
        given=at(model_type="pytorch", path=Path("logs"), activate=True)
    ),
    "IStrategy.load_freqAI_model": Case(own=strategy),
    "IFreqaiModel.__init__": Case(own=SimpleNamespace, given=at(config={}), answer=lambda: None),
    "FreqaiDataKitchen.set_all_pairs": Case(own=kitchen, answer=lambda: None),
    "FreqaiDataDrawer.update_historic_data": Case(
        own=drawer,
        given=lambda: {"strategy": strategy(), "dk": SimpleNamespace(all_pairs=[])},
    ),
    "IFreqaiModel.start_live": Case(
        own=model,
        given=lambda: {
            **{"dataframe": pd.DataFrame(), "metadata": {"pair": "BTC/USDT"}},
            **{"strategy": strategy(), "dk": kitchen()},
        },
    ),
    "IFreqaiModel.extract_data_and_train_model": Case(
        own=model,
        given=lambda: {
            **{"new_trained_timerange": WINDOW, "pair": "BTC/USDT", "strategy": strategy()},
            **{"dk": kitchen(), "data_load_timerange": WINDOW},
        },
    ),
    "FreqaiDataKitchen.populate_features": Case(
        own=kitchen,
        given=lambda: {
            **{"dataframe": pd.DataFrame(), "pair": "BTC/USDT", "strategy": strategy()},
            **{"corr_dataframes": {}, "base_dataframes": {}, "is_corr_pairs": False},
        },
    ),
    "FreqaiDataKitchen.use_strategy_to_populate_indicators": Case(
        own=kitchen,
        given=lambda: {
            **{"strategy": own_indicators(), "corr_dataframes": {}, "base_dataframes": {}},
            **{"pair": "BTC/USDT", "prediction_dataframe": None, "do_corr_pairs": True},
        },
    ),
    "FreqaiDataDrawer.load_data": Case(
        own=drawer, given=lambda: {"coin": "BTC/USDT", "dk": kitchen()}
    ),
    "FreqaiDataDrawer.load_global_metadata_from_disk": Case(own=drawer),
    "FreqaiDataDrawer.load_metric_tracker_from_disk": Case(own=drawer),
    "IFreqaiModel.start_scanning": Case(own=model, answer=lambda: None),
    "IFreqaiModel._start_scanning": Case(
        own=model, given=lambda: {"strategy": strategy()}, answer=lambda: None
    ),
    "IFreqaiModel.start": Case(
        own=model,
        given=lambda: {
            **{"dataframe": pd.DataFrame(), "metadata": {"pair": "BTC/USDT"}},
            "strategy": strategy(),
        },
    ),
}
