"""How long the bot's loops take: an order is refused when the look at the account, which begins its
loop, is older than ``freqpilot.risk.max_stamp_age_seconds``.
"""

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from freqpilot.errors import FreqpilotError
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import LEDGER_KEYS, SEEN, Run
from freqpilot.settings import Settings
from freqpilot.store import peek_state
from freqpilot.store.urls import store_url

LAST = 100
"""Loops of which the longest counts."""
THROTTLE = 5.0
"""Freqtrade's own ``internals.process_throttle_secs``."""
MEND = (
    "Trade fewer pairs, read fewer informative pairs, or raise "
    "freqpilot.risk.max_stamp_age_seconds, by which a bot may be blind that long"
)


class LoopTime:
    """The last loops of a live run, in seconds from the look at the account to their end."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun: float | None = None
        self._last: deque[float] = deque(maxlen=LAST)

    def begin(self) -> None:
        """Note that a loop has begun."""
        self._begun = time.monotonic()

    def end(self) -> None:
        """Note that the loop is over; a person hears of one after which an order was too late."""
        if self._begun is None:
            return
        took, self._begun = time.monotonic() - self._begun, None
        self._last.append(took)
        self._run.loop_seconds = max(self._last)
        limit = self._run.settings.risk.max_stamp_age_seconds
        if took > limit:
            text = (
                f"a loop of the bot took {took:.0f} s: entries more than {limit:.0f} s after its "
                f"beginning are refused, stops and halts are looked at only so often. {MEND}"
            )
            alerts.record(self._run, "slow loop", "WARNING", text, {"seconds": round(took)})


def describe(config: Mapping[str, Any]) -> str:
    """Return how a bot's loops and the limit are, for doctor.

    :raises FreqpilotError: when entries are, or will be, refused for the length of the loops.
    """
    settings = Settings.from_config(config)
    limit = settings.risk.max_stamp_age_seconds
    throttle = float((config.get("internals") or {}).get("process_throttle_secs", THROTTLE))
    if throttle >= limit:
        raise FreqpilotError(
            f"internals.process_throttle_secs is {throttle:g}: the account is looked at only so "
            f"often, and {limit:g} s after a look (freqpilot.risk.max_stamp_age_seconds) every "
            f'entry is refused. Set {{"internals": {{"process_throttle_secs": {THROTTLE:g}}}}}'
        )
    asked = _candle_seconds(config)
    if asked >= limit:
        raise FreqpilotError(
            f"to ask for the candles of {_pairs(config)} pairs alone takes {asked:.0f} s by the "
            f"exchange's limit of requests: entries are refused {limit:g} s after a loop began. "
            f"{MEND}"
        )
    key = LEDGER_KEYS[bool(config.get("dry_run", True))]
    seen = peek_state(store_url(settings, Path(config["user_data_dir"])), f"{key}{SEEN}") or {}
    longest = seen.get("loop")
    if longest is None:
        return f"the bot looks at its account every {throttle:g} s, limit {limit:g} s"
    if longest >= limit:
        raise FreqpilotError(
            f"the longest of the bot's last loops took {longest:.0f} s: entries more than "
            f"{limit:g} s after its beginning were refused. {MEND}"
        )
    return f"the longest of the bot's last loops took {longest:.0f} s, limit {limit:g} s"


def _pairs(config: Mapping[str, Any]) -> int:
    return len((config.get("exchange") or {}).get("pair_whitelist") or ())


def _candle_seconds(config: Mapping[str, Any]) -> float:
    """Return how long it takes at the exchange's pace to ask for a candle of each pair, 0 where the
    exchange is not known."""
    import ccxt

    name = str((config.get("exchange") or {}).get("name", "")).lower()
    if name not in ccxt.exchanges:
        return 0.0
    pace: float = getattr(ccxt, name)().rateLimit
    return _pairs(config) * pace / 1_000
