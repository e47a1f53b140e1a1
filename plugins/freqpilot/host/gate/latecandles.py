"""No entry on the candle before, where a pair's newest candle comes late.

Freqtrade enters on the newest candle that it has. While the exchange has not given the one that has
just closed, that is the candle before, whose signal is over: with many pairs some of them are
seconds to minutes late. A pair waits until its candle is there. Freqtrade asks for it in each loop
for 15 seconds, and then not for half an hour; so it is made to ask again before, or the signal
would be lost.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles.timeframe import DAY, seconds
from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

ALERT_AFTER = timedelta(seconds=60)
"""How late a candle has to be for a person to hear of it."""
PACE, PATIENCE = timedelta(seconds=30), timedelta(minutes=10)
"""How often a late candle is asked for, and for how long after its close: one that is not there by
then may be one in which nothing was traded."""
NAMES = 5
"""Pairs that an alert names; the others are counted."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LateCandles:
    """The pairs of a live run whose newest candle has not come."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun: datetime | None = None
        self._alerted = False
        self._whole: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Take note that a loop begins, which asks for candles first: what closes while it goes on
        is the next loop's."""
        self._begun = now

    def expected(self) -> datetime | None:
        """Return when the newest closed candle opened, as of the loop's begin; None where the
        strategy's timeframe is too long to be late, or no loop has begun."""
        feed: Any = self._run.feed
        if self._begun is None or feed is None:
            return None
        length = seconds(feed.timeframe)
        if length > DAY:
            return None
        step = timedelta(seconds=length)
        return EPOCH + ((self._begun - EPOCH) // step - 1) * step

    def require(self, pair: str) -> None:
        """Let an entry pass only when its signal is of the newest closed candle.

        :raises NoEntry: while that candle has not come.
        """
        expected, feed = self.expected(), self._run.feed
        if expected is None or feed is None:
            return
        frame = feed.analysed(pair)
        if not len(frame):
            return  # there is no signal either
        newest = frame["date"].iloc[-1].to_pydatetime()
        if newest < expected:
            raise NoEntry(
                f"the {feed.timeframe} candle of {expected:%H:%M} has not come for {pair}: the "
                f"signal of {newest:%H:%M} is over, the pair waits for the next one"
            )

    def end(self, now: datetime) -> None:
        """Look which pairs are late, and have them asked for again; a person hears once of a time
        in which some are. It never raises."""
        try:
            self._look(now)
        except Exception:
            logger.exception("Late candles could not be looked for")

    def _look(self, now: datetime) -> None:
        expected, feed = self.expected(), self._run.feed
        if expected is None or feed is None or expected == self._whole:
            return  # once all have come, none can be late before the next candle closes
        pairs = feed.pairs()
        late = [pair for pair in pairs if (feed.newest(pair) or expected) < expected]
        if not late:
            self._alerted, self._whole = False, expected
            return
        closed = expected + timedelta(seconds=seconds(feed.timeframe))
        if now - closed < PATIENCE:
            for pair in late:
                feed.ask_again(pair, now - PACE)
        if self._alerted or now - closed < ALERT_AFTER:
            return
        self._alerted = True
        names = ", ".join(sorted(late)[:NAMES]) + (" and others" if len(late) > NAMES else "")
        text = (
            f"{len(late)} of {len(pairs)} pairs have no {feed.timeframe} candle of "
            f"{expected:%H:%M} {(now - closed).total_seconds():.0f} s after its close ({names}). "
            "Their entries wait for it; a signal of a candle that comes after the next one is lost"
        )
        self._run.counters.count("late_candles")
        alerts.record(self._run, "late candles", "WARNING", text, {"pairs": len(late)}, time=now)
