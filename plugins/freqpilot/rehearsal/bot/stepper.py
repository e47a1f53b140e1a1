"""What happens between two loops of the bot."""

import json
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO

from freqpilot.rehearsal.bot.training import TrainingWait
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.rehearsal.plan.stage import Stage

DRAIN_SECONDS = 1.0
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Exchange(Protocol):
    """What a stepper needs of the stand-in, in this process or in another."""

    requests: Counter[str]
    unknown: Counter[str]

    @property
    def url(self) -> str:
        """Base address."""

    def loop_ended(self, bot: Any) -> float | None:
        """Take note that the bot has ended a loop; returns the seconds until the next one, None to
        leave them to the bot."""


class Stepper:
    """Saves the virtual time, reports, keeps the pace and stops where it is told to.

    Stop signals must be blocked in every thread: they are looked at here only.
    """

    def __init__(self, stage: Stage, speed: float, state: Path, reports: TextIO) -> None:
        self._stage, self._speed, self._state, self._reports = stage, speed, state, reports
        self._begun = time.monotonic()
        self._waited = TrainingWait(self._stopped_within)
        self.loops = self._drained = 0
        self.reason = "fault"

    def begin(self, clock: VirtualClock, server: Exchange) -> None:
        """Start counting; tells the parent what is rehearsed."""
        self._clock, self._server = clock, server
        self._save()
        report(
            self._reports,
            "ready",
            begun=self._stage.begin.isoformat(),
            start=self._stage.start.isoformat(),
            end=self._stage.end.isoformat(),
            synthetic=self._stage.synthetic,
            url=server.url,
        )

    def loop_end(self, seconds: float, bot: Any) -> None:
        """Take the place of the worker's sleep.

        :raises KeyboardInterrupt: at the end of the rehearsal or when it is to stop.
        """
        if self.loops == 0:
            self._begun = time.monotonic()  # the start of the software is not the bot's pace
        stop = self._waited(bot)
        sooner = self._server.loop_ended(bot)
        over = self._clock.now() >= self._stage.end
        wanted = seconds if sooner is None else min(seconds, sooner)
        self._clock.advance(DRAIN_SECONDS if over else wanted)
        self.loops += 1
        self._save()
        self._drained += over
        if self._clock.now() >= self._stage.end and self._drained >= self._stage.drain:
            self._interrupt("end")
        if stop or not self._reported(bot) or self._stopped_within(self._ahead()):
            self._interrupt("signal")

    def done(self, exit_code: int) -> None:
        """Tell the parent, if it is still there, how it ended."""
        with suppress(OSError):
            report(
                self._reports,
                "done",
                reason=self.reason,
                exit_code=exit_code,
                now=self._clock.now().isoformat(),
                loops=self.loops,
                wall_seconds=time.monotonic() - self._begun,
                requests=self._server.requests.total(),
                unknown=dict(self._server.unknown),
            )

    def _interrupt(self, reason: str) -> None:
        self.reason = reason
        raise KeyboardInterrupt

    def _ahead(self) -> float:
        """Real seconds to wait so that the pace stays under the speed limit."""
        if not self._speed:
            return 0.0
        virtual = (self._clock.now() - self._stage.begin).total_seconds()
        return max(0.0, virtual / self._speed - (time.monotonic() - self._begun))

    def _stopped_within(self, seconds: float) -> bool:
        return signal.sigtimedwait(STOP_SIGNALS, seconds) is not None

    def _reported(self, bot: Any) -> bool:
        """Report a loop; false when nobody listens any more: the parent is gone."""
        from freqtrade.persistence import Trade

        try:
            report(
                self._reports,
                "loop",
                loops=self.loops,
                now=self._clock.now().isoformat(),
                open=Trade.get_open_trade_count(),
            )
        except OSError:
            return False
        return bot is not None

    def _save(self) -> None:
        """Keep the virtual time beside the database: a resumed run goes on from here."""
        state = {
            "now": self._clock.now().isoformat(),
            "start": self._stage.start.isoformat(),
            "end": self._stage.end.isoformat(),
            "loop_seconds": self._stage.loop_seconds,
            "pairs": self._stage.pairs,
            "history_days": self._stage.history_days,
        }
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps(state), encoding="utf-8")
        fresh.replace(self._state)


def report(reports: TextIO, kind: str, **facts: Any) -> None:
    """Write one line to the parent."""
    reports.write(json.dumps({"report": kind, **facts}) + "\n")
    reports.flush()
