"""Candle intervals as Binance names them."""

from freqpilot.errors import RefuseToStart

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 1_440 * MINUTE_MS
MONDAY_MS = 4 * DAY_MS  # 1970-01-05, the first Monday of the epoch: weeks begin on Mondays

INTERVAL_MINUTES: dict[str, int] = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1_440,
    "3d": 4_320,
    "1w": 10_080,
}


def interval_name(minutes: int) -> str:
    """Return the name of a candle length, e.g. ``1h`` for 60.

    :raises RefuseToStart: when Binance has no such candle.
    """
    for name, length in INTERVAL_MINUTES.items():
        if length == minutes:
            return name
    raise RefuseToStart(
        f"there is no candle of {minutes} minutes; use one of "
        f"{', '.join(map(str, INTERVAL_MINUTES.values()))}"
    )


def interval_minutes(name: str) -> int:
    """Return the length of a candle in minutes, e.g. 60 for ``1h``.

    :raises RefuseToStart: for an unknown name.
    """
    try:
        return INTERVAL_MINUTES[name]
    except KeyError:
        raise RefuseToStart(
            f"timeframe {name!r} is not known; use one of {', '.join(INTERVAL_MINUTES)}"
        ) from None
