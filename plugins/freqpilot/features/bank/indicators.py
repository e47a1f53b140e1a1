"""The usual indicators by name and period, in their usual units: ``rsi_14``, ``macd_12_26``.

These hold prices and are for rules and charts; models take the stationary features of
:mod:`freqpilot.features.bank.library`. Definitions are those of TA-Lib, and agree with it to
rounding past the warm-up, with two differences: a NaN candle is a gap and no end, and where nothing
moved an oscillator is in its middle. Left to TA-Lib: candle patterns, Hilbert transforms, Aroon,
KAMA.
"""

from collections.abc import Callable, Sequence

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank import rolling
from freqpilot.features.bank.registry import Bank
from freqpilot.features.engine.graph import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Node,
    clip,
    difference,
    ewm,
    ratio,
    root,
    scale,
    smallest,
)

INPUT_NAMES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}


def _percent(x: Node) -> Node:
    """−1…1 as 0…100."""
    return scale(x, 50.0, 50.0)


def _weighted(x: Node, window: int) -> Node:
    """Linearly weighted mean, the newest value heaviest."""
    return rolling.mean(x, window) + scale(rolling.slope(x, window), (window - 1) / 6.0)


def _double(x: Node, span: int) -> Node:
    """Double exponential mean (Mulloy 1994)."""
    once = f.ema(x, span)
    return 2.0 * once - f.ema(once, span)


def _triple(x: Node, span: int) -> Node:
    """Triple exponential mean (Mulloy 1994)."""
    once = f.ema(x, span)
    twice = f.ema(once, span)
    return 3.0 * once - 3.0 * twice + f.ema(twice, span)


def _band(x: Node, window: int, deviations: float) -> Node:
    return rolling.mean(x, window) + scale(rolling.deviation(x, window), deviations)


def _ultimate(short: int, middle: int, long: int) -> Node:
    """Ultimate oscillator (Williams 1985)."""
    pressure, ranges = CLOSE - smallest(LOW, CLOSE, 1), f.true_range()
    parts = [
        ratio(rolling.total(pressure, window), rolling.total(ranges, window))
        for window in (short, middle, long)
    ]
    return scale(4.0 * parts[0] + 2.0 * parts[1] + parts[2], 100.0 / 7.0)


def _chaikin(fast: int, slow: int) -> Node:
    """Chaikin oscillator: fast less slow exponential mean of the accumulation/distribution line."""
    flow = f.close_place() * VOLUME
    means = []
    for span in (slow, fast):
        alpha = 2.0 / (span + 1)
        means.append(scale(ewm(flow, alpha, f.settle_of(alpha)), (1.0 - alpha) / alpha))
    return means[0] - means[1]


Formula = Callable[..., Node]
ON_INPUT: dict[str, tuple[int, Formula]] = {
    "sma": (1, rolling.mean),
    "ema": (1, f.ema),
    "dema": (1, _double),
    "tema": (1, _triple),
    "wma": (1, _weighted),
    "rsi": (1, lambda x, n: _percent(f.rsi(x, n))),
    "cmo": (1, lambda x, n: 100.0 * f.rsi(x, n)),
    "roc": (1, lambda x, n: 100.0 * f.rate_of_change(x, n)),
    "momentum": (1, difference),
    "deviation": (1, rolling.deviation),
    "variance": (1, rolling.variance),
    "zscore": (1, rolling.zscore),
    "highest": (1, rolling.highest),
    "lowest": (1, rolling.lowest),
    "total": (1, rolling.total),
    "slope": (1, rolling.slope),
    "regression": (
        1,
        lambda x, n: rolling.mean(x, n) + scale(rolling.slope(x, n), (n - 1) / 2.0),
    ),
    "bollinger_upper": (1, lambda x, n: _band(x, n, 2.0)),
    "bollinger_lower": (1, lambda x, n: _band(x, n, -2.0)),
    "rank": (1, rolling.rank),
    "skew": (1, rolling.skew),
}
"""Indicators of one series, the close unless the name says another: ``ema_21@volume``."""
ON_CANDLES: dict[str, tuple[int, Formula]] = {
    "macd": (2, f.macd),
    "macd_signal": (3, lambda fast, slow, n: f.ema(f.macd(fast, slow), n)),
    "macd_histogram": (3, lambda a, b, n: f.macd(a, b) - f.ema(f.macd(a, b), n)),
    "trix": (1, f.trix),
    "adx": (1, lambda n: 100.0 * f.adx(n)),
    "plus_di": (1, lambda n: 100.0 * f.directional(n, up=True)),
    "minus_di": (1, lambda n: 100.0 * f.directional(n, up=False)),
    "atr": (1, f.average_range),
    "natr": (1, lambda n: 100.0 * ratio(f.average_range(n), CLOSE)),
    "stochastic_k": (2, lambda n, k: _percent(rolling.mean(f.channel_place(n), k))),
    "stochastic_d": (
        3,
        lambda n, k, d: _percent(rolling.mean(rolling.mean(f.channel_place(n), k), d)),
    ),
    "williams": (1, lambda n: scale(f.channel_place(n), 50.0, -50.0)),
    "cci": (1, lambda n: 100.0 * f.commodity_channel(n)),
    "mfi": (1, lambda n: _percent(f.money_flow_index(n))),
    "cmf": (1, f.money_flow),
    "vwap": (1, f.weighted_price),
    "ultimate": (3, _ultimate),
    "chaikin": (2, _chaikin),
    "midprice": (1, f.middle),
    "donchian_upper": (1, lambda n: rolling.highest(HIGH, n)),
    "donchian_lower": (1, lambda n: rolling.lowest(LOW, n)),
    "correlation": (1, lambda n: rolling.correlation(HIGH, LOW, n)),
    "keltner_upper": (1, lambda n: f.ema(CLOSE, n) + 2.0 * f.average_range(n)),
    "keltner_lower": (1, lambda n: f.ema(CLOSE, n) - 2.0 * f.average_range(n)),
    "parkinson": (1, lambda n: root(f.parkinson_variance(n))),
    "garman_klass": (1, lambda n: root(clip(f.garman_klass_variance(n), 0.0))),
}
"""Indicators of whole candles."""
LEAST, MOST = 2, 2_000
"""Periods that are taken."""
SINGLE = {"roc", "momentum", "sma", "highest", "lowest", "total"}
"""Indicators that a period of 1 says something of."""


def indicator(name: str) -> Node:
    """Return the indicator that ``name`` says: its name, its periods, and ``@`` and its input.

    >>> indicator("macd_signal_12_26_9").startup
    243

    :raises KeyError: for a name that is none, with what is wrong with it.
    """
    stem, _, column = name.partition("@")
    words = stem.split("_")
    count = len(words)
    while count and words[count - 1].isdecimal():
        count -= 1
    kind, periods = "_".join(words[:count]), [int(word) for word in words[count:]]
    known = ON_INPUT | ON_CANDLES
    if kind not in known:
        raise KeyError(f"no indicator {name}; there are {', '.join(sorted(known))}")
    wanted, formula = known[kind]
    least = 1 if kind in SINGLE else LEAST
    if len(periods) != wanted or not all(least <= n <= MOST for n in periods):
        raise KeyError(
            f"{name}: {kind} takes {wanted} of {least} to {MOST}, as {kind}{'_14' * wanted}"
        )
    if column and (kind not in ON_INPUT or column not in INPUT_NAMES):
        raise KeyError(f"{name}: the input of {kind} is {', '.join(INPUT_NAMES)} or is not chosen")
    if kind in ON_CANDLES:
        return formula(*periods)
    return formula(INPUT_NAMES[column or "close"], *periods)


class IndicatorBank(Bank):
    """Indicators by name.

    >>> IndicatorBank(["ema_21", "ema_50", "bollinger_upper_20"]).startup
    347
    """

    def __init__(self, names: Sequence[str]) -> None:
        """:raises KeyError: for a name that is no indicator."""
        super().__init__({name: indicator(name) for name in names})
