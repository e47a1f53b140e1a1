"""The public face: every name of Freqpilot that a strategy, a plugin or a pack of yours imports.

Names in here stay when the rooms behind them move; paths below ``freqpilot.host``, ``features`` and
the other rooms do not. ``docs/api.md`` lists them with examples. ::

    from freqpilot.api import IndicatorBank, add_indicators

Importing this module loads nothing: each name brings its room when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqpilot.features.bank.indicators import IndicatorBank
    from freqpilot.features.candles import basket, cointegration, orderflow
    from freqpilot.features.labels import sampling
    from freqpilot.features.labels import targets as labels
    from freqpilot.host.facts.columns import add_facts
    from freqpilot.host.forms.pairlist import REFRESH, CheckedPairList, Screen, Unknown
    from freqpilot.host.forms.parameters import Parameter, Parameters
    from freqpilot.host.forms.protection import CheckedProtection
    from freqpilot.host.frames.features import (
        add_candle_patterns,
        add_indicators,
        add_market_features,
    )
    from freqpilot.host.freqai.guard import AutoencoderGuard
    from freqpilot.host.trading.coupled import CoupleStrategy

__all__ = [
    "REFRESH",
    "AutoencoderGuard",
    "CheckedPairList",
    "CheckedProtection",
    "CoupleStrategy",
    "IndicatorBank",
    "Parameter",
    "Parameters",
    "Screen",
    "Unknown",
    "add_candle_patterns",
    "add_facts",
    "add_indicators",
    "add_market_features",
    "basket",
    "cointegration",
    "labels",
    "orderflow",
    "sampling",
]

_ROOMS = {
    "freqpilot.features.bank.indicators": ("IndicatorBank",),
    "freqpilot.host.trading.coupled": ("CoupleStrategy",),
    "freqpilot.host.facts.columns": ("add_facts",),
    "freqpilot.host.frames.features": (
        "add_candle_patterns",
        "add_indicators",
        "add_market_features",
    ),
    "freqpilot.host.freqai.guard": ("AutoencoderGuard",),
    "freqpilot.host.forms.pairlist": ("REFRESH", "CheckedPairList", "Screen", "Unknown"),
    "freqpilot.host.forms.parameters": ("Parameter", "Parameters"),
    "freqpilot.host.forms.protection": ("CheckedProtection",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
_MODULES = {
    "basket": "freqpilot.features.candles.basket",
    "cointegration": "freqpilot.features.candles.cointegration",
    "labels": "freqpilot.features.labels.targets",
    "orderflow": "freqpilot.features.candles.orderflow",
    "sampling": "freqpilot.features.labels.sampling",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _ROOM_OF:
        return getattr(import_module(_ROOM_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
