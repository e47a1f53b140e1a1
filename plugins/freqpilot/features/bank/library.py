"""All features of the library: importing this registers every room of them."""

from freqpilot.features.bank import (
    adaptive,
    core,
    market,
    momentum,
    patterns,
    statistics,
    structure,
    volatility,
    volume,
)
from freqpilot.features.bank.core import CORE
from freqpilot.features.bank.registry import (
    FEATURES,
    Feature,
    FeatureBank,
    FeatureStream,
    feature,
    market_features,
)

ROOMS = (core, momentum, volatility, volume, statistics, structure, adaptive, patterns, market)
"""The modules that hold features; a new one is added here."""

__all__ = [
    "CORE",
    "FEATURES",
    "ROOMS",
    "Feature",
    "FeatureBank",
    "FeatureStream",
    "feature",
    "market_features",
]
