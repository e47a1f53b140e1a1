"""All features of the library: importing this registers every room of them."""

from freqpilot.features import core, momentum, statistics, volatility, volume
from freqpilot.features.core import CORE
from freqpilot.features.registry import FEATURES, Feature, FeatureBank, feature

ROOMS = (core, momentum, volatility, volume, statistics)
"""The modules that hold features; a new one is added here."""

__all__ = ["CORE", "FEATURES", "ROOMS", "Feature", "FeatureBank", "feature"]
