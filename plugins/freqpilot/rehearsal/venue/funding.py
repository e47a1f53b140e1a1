"""When the funding of each symbol is due: every 8 hours, or every 4 or 1, as Binance may change it
at any time (https://www.binance.com/en/support/faq/360033525031)."""

from decimal import Decimal

from freqpilot.rehearsal.intervals import HOUR_MS

USUAL_HOURS = 8
HOURS = (1, 2, 4, 8)


class FundingTimes:
    """The hours between two fundings of each symbol, and how they have changed. The rate of a
    funding is ``rate`` for 8 hours, in proportion."""

    def __init__(self, rate: Decimal) -> None:
        self.rate = rate
        self._changes: dict[str, list[tuple[int, int]]] = {}

    def change(self, symbol: str, hours: int, now: int) -> None:
        """Let a symbol's funding be due every so many hours from ``now`` (ms) on.

        :raises ValueError: for hours that Binance does not know.
        """
        if hours not in HOURS:
            raise ValueError(f"funding every {hours} hours; Binance knows {HOURS}")
        self._changes.setdefault(symbol, []).append((now, hours))

    def hours(self, symbol: str, moment: int) -> int:
        """Return the hours between two fundings as they are at a time (ms)."""
        past = [hours for since, hours in self._changes.get(symbol, ()) if since <= moment]
        return past[-1] if past else USUAL_HOURS

    def unusual(self, moment: int) -> dict[str, int]:
        """Return the symbols whose hours are not 8."""
        found = {symbol: self.hours(symbol, moment) for symbol in self._changes}
        return {symbol: hours for symbol, hours in found.items() if hours != USUAL_HOURS}

    def next(self, symbol: str, moment: int) -> int:
        """Return when a symbol's next funding after a time is due, as things are then."""
        step = self.hours(symbol, moment) * HOUR_MS
        return (moment // step + 1) * step

    def next_of_all(self, moment: int) -> int:
        """Return when the next funding of any symbol is due."""
        return min(self.next(symbol, moment) for symbol in ("", *self._changes))

    def is_due(self, symbol: str, moment: int) -> bool:
        """Tell whether a symbol's funding is due at a time."""
        return moment % (self.hours(symbol, moment - 1) * HOUR_MS) == 0

    def rate_at(self, symbol: str, moment: int) -> Decimal:
        """Return the rate of a symbol's funding that is due at a time."""
        return self.rate * self.hours(symbol, moment - 1) / USUAL_HOURS

    def past(self, symbol: str, begin: int, end: int) -> list[int]:
        """Return when a symbol's fundings were due between two times, both included."""
        first = -(-begin // HOUR_MS)
        hours = range(first, end // HOUR_MS + 1)
        return [hour * HOUR_MS for hour in hours if self.is_due(symbol, hour * HOUR_MS)]
