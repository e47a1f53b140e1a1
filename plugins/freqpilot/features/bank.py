"""The feature bank: stationary features by name, computed together into one float32 matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from freqpilot.features import kernels
from freqpilot.features.workspace import EMA_ALPHA, WILDER, Workspace, settle_of
from freqpilot.shapes import Candles, FeatureFrame, Floats


@dataclass(frozen=True)
class Feature:
    """A column: ``compute`` gives it over a workspace; ``startup`` is after how many candles it no
    longer depends on where they begin (and before which it is NaN)."""

    name: str
    startup: int
    compute: Callable[[Workspace], Floats]


FEATURES: dict[str, Feature] = {}


def feature(name: str, startup: int) -> Callable[[Callable[[Workspace], Floats]], None]:
    """Register the decorated function as feature ``name``.

    :raises ValueError: when the name is taken.
    """

    def register(compute: Callable[[Workspace], Floats]) -> None:
        if name in FEATURES:
            raise ValueError(f"there is a feature {name!r} already")
        FEATURES[name] = Feature(name, startup, compute)

    return register


_ATR = settle_of(WILDER) + 1
_ADX = 2 * settle_of(WILDER) + 1


@feature("return_1", 2)
def _(w: Workspace) -> Floats:
    return w.log_return(1)


@feature("return_6", 7)
def _(w: Workspace) -> Floats:
    return w.log_return(6)


@feature("return_24", 25)
def _(w: Workspace) -> Floats:
    return w.log_return(24)


@feature("trend_8_21", max(_ATR, settle_of(EMA_ALPHA[21])))
def _(w: Workspace) -> Floats:
    """Distance of two EMAs in ATRs."""
    return np.asarray(kernels.ratio(w.ema(8) - w.ema(21), w.atr()))


@feature("trend_21_50", max(_ATR, settle_of(EMA_ALPHA[50])))
def _(w: Workspace) -> Floats:
    return np.asarray(kernels.ratio(w.ema(21) - w.ema(50), w.atr()))


@feature("trend_200", 200)
def _(w: Workspace) -> Floats:
    """Distance of the close from its mean of 200 candles, in ATRs."""
    return np.asarray(kernels.ratio(w.candles.close - w.mean(200), w.atr()))


@feature("rsi_14", settle_of(WILDER) + 1)
def _(w: Workspace) -> Floats:
    return w.rsi()


@feature("adx_14", _ADX)
def _(w: Workspace) -> Floats:
    return w.adx()


@feature("direction_14", _ATR)
def _(w: Workspace) -> Floats:
    return w.direction_index()


@feature("natr_14", _ATR)
def _(w: Workspace) -> Floats:
    """ATR as a fraction of the close."""
    return np.asarray(kernels.ratio(w.atr(), w.candles.close))


@feature("bollinger_position_20", 20)
def _(w: Workspace) -> Floats:
    """Distance of the close from its mean, in standard deviations."""
    deviation = kernels.rolling_std(w.candles.close, 20)
    return np.asarray(kernels.ratio(w.candles.close - w.mean(20), deviation))


@feature("bollinger_width_20", 20)
def _(w: Workspace) -> Floats:
    """Width of the two-deviation band as a fraction of the mean."""
    return np.asarray(kernels.ratio(4 * kernels.rolling_std(w.candles.close, 20), w.mean(20)))


@feature("volatility_ratio", 169)
def _(w: Workspace) -> Floats:
    """Volatility of the last day over that of the last week (1h candles)."""
    return np.asarray(kernels.ratio(w.volatility(24), w.volatility(168)))


@feature("volume_score_48", 48)
def _(w: Workspace) -> Floats:
    return w.volume_score(48)


@feature("donchian_48", 48)
def _(w: Workspace) -> Floats:
    """Place of the close in the channel of 48 candles, −1 at its bottom, 1 at its top."""
    top = kernels.rolling_extreme(w.candles.high, 48, 1.0)
    bottom = kernels.rolling_extreme(w.candles.low, 48, -1.0)
    return np.asarray(kernels.ratio(2 * w.candles.close - top - bottom, top - bottom))


@feature("rank_96", 96)
def _(w: Workspace) -> Floats:
    """Rank of the close among the last 96, −1…1."""
    return np.asarray(2 * kernels.rolling_rank(w.candles.close, 96) - 1)


@feature("money_flow_20", 20)
def _(w: Workspace) -> Floats:
    return w.money_flow(20)


class FeatureBank:
    """Features by name (all by default), computed together.

    >>> FeatureBank(["return_1", "rsi_14"]).names
    ('return_1', 'rsi_14')
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        """:raises KeyError: for an unknown name."""
        wanted = tuple(FEATURES) if names is None else tuple(names)
        unknown = [name for name in wanted if name not in FEATURES]
        if unknown:
            raise KeyError(f"no feature {', '.join(unknown)}; there are {', '.join(FEATURES)}")
        self.names = wanted
        self._features = [FEATURES[name] for name in wanted]

    @property
    def startup(self) -> int:
        """Candles needed before the first complete row."""
        return max((f.startup for f in self._features), default=0)

    def compute(self, candles: Candles) -> FeatureFrame:
        """Return all columns of ``candles``; a row is NaN where a column has not settled."""
        work = Workspace(candles)
        matrix = np.empty((len(candles), len(self.names)), dtype=np.float32, order="F")
        for place, column in enumerate(self._features):
            matrix[:, place] = column.compute(work)
        return FeatureFrame(matrix, self.names, min(self.startup, len(candles)))
