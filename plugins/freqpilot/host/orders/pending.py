"""Orders whose fate is open: who waits for them, and when a person is called.

Each is settled on its own. While the exchange is out of reach all entries wait, for ten minutes at
most; then, and where an order has a trouble of its own (its pair is gone, the exchange's answer
settles nothing), only the entries of its pair do. Exits never wait.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from freqpilot.errors import NoEntry
from freqpilot.host.account import unwritten
from freqpilot.host.alerts import events as alerts
from freqpilot.host.orders.outcomes import OtherOrder, is_passing
from freqpilot.host.run.run import Run
from freqpilot.shapes import OrderIntent, Position

logger = logging.getLogger(__name__)

KIND = "order unresolved"
"""Kind of the alerts of this module."""
ESCALATE = timedelta(minutes=10)
"""How long an order may be unsettled before a person hears of it."""
PACE = timedelta(minutes=1)
"""How often the exchange is asked for an order once a person has been called."""
OLD = timedelta(hours=24)
"""The age from which on an order that no trade has is not adopted without a person."""


@dataclass
class Trouble:
    """What keeps an order from being settled. ``passing`` is whether the exchange was out of
    reach, ``reported`` whether a person has heard of it."""

    pair: str
    reason: str
    since: datetime
    passing: bool
    tried: datetime
    reported: bool = False


class Pending:
    """The orders of a run that could not be settled, by client order id."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.troubles: dict[str, Trouble] = {}

    def fail(self, intent: OrderIntent, error: Exception) -> None:
        """Take note that an order could not be settled; call a person when it has lasted."""
        advice = (
            "Look for the order on the exchange. If it is there, run "
            f"{command('adopt', intent)} (with --order-id and its number where its name is not "
            f"shown); if it is not, run {command('dismiss', intent)}"
        )
        passing = is_passing(error)
        self._note(intent.client_id, intent.pair, describe(intent), error, advice, passing=passing)

    def fail_stop(self, number: str, pair: str, error: Exception) -> str:
        """As :meth:`fail`, for a stop that has outlived its trade; returns the key of the note."""
        key = f"stop {number}"
        advice = (
            "Its trade is over. Cancel it on the exchange if it is still there, and restart the bot"
        )
        self._note(key, pair, f"the stop order {number} in {pair}", error, advice, passing=False)
        return key

    def _note(
        self, key: str, pair: str, what: str, error: Exception, advice: str, *, passing: bool
    ) -> None:
        now = datetime.now(UTC)
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        known = self.troubles.get(key)
        trouble = self.troubles.setdefault(key, Trouble(pair, reason, now, passing, now))
        if known is None or trouble.reason != reason:
            logger.warning("The fate of %s is not known yet: %s", what, reason)
        trouble.reason, trouble.passing, trouble.tried = reason, passing, now
        lasted = not timedelta() <= now - trouble.since < ESCALATE
        if trouble.reported or not (lasted or isinstance(error, OtherOrder)):
            return
        trouble.reported = True
        text = (
            f"the fate of {what} is not known: {reason}. Entries of {pair} wait, exits and all "
            f"other pairs go on. {advice}"
        )
        alerts.record(self.run, KIND, "CRITICAL", text, {"pair": pair, "intent": key})

    def settled(self, intent: OrderIntent) -> None:
        """Take note that an order's fate is known."""
        self.troubles.pop(intent.client_id, None)

    def keep_only(self, names: Collection[str]) -> None:
        """Forget the notes that are not among ``names``: a person has settled what they are of."""
        for name in set(self.troubles) - set(names):
            del self.troubles[name]

    def has(self, intent: OrderIntent) -> bool:
        """Tell whether an order could not be settled when it was last tried."""
        return intent.client_id in self.troubles

    def is_due(self, intent: OrderIntent) -> bool:
        """Tell whether the exchange is to be asked for an order now."""
        trouble = self.troubles.get(intent.client_id)
        if trouble is None or not trouble.reported:
            return True
        return not timedelta() <= datetime.now(UTC) - trouble.tried < PACE

    def holds_all(self, intent: OrderIntent) -> bool:
        """Tell whether an order keeps the entries of all pairs away."""
        trouble = self.troubles.get(intent.client_id)
        return bool(trouble and trouble.passing and datetime.now(UTC) - trouble.since < ESCALATE)

    def require_settled(self, pair: str) -> None:
        """Let an entry pass only when no order of its pair is unsettled.

        :raises NoEntry: while one is.
        """
        for name, trouble in self.troubles.items():
            if trouble.pair == pair:
                raise NoEntry(f"the fate of the order {name} is not known ({trouble.reason})")
        for intent in self.run.intents("asked", "agreed"):
            if intent.pair == pair:
                raise NoEntry(
                    f"{describe(intent)} waits for a person: run {command('adopt', intent)} or "
                    f"{command('dismiss', intent)}"
                )

    def positions(self) -> list[Position]:
        """Return what the entries with an open fate have opened if they have all been filled."""
        return [
            _position(intent, self.run.rates.get(intent.pair))
            for intent in self.run.intents("sent", "asked", "agreed")
            if intent.raises_risk
        ]


def is_old(intent: OrderIntent) -> bool:
    """Tell whether an order is too old to be adopted without a person."""
    return intent.state != "agreed" and datetime.now(UTC) - intent.time > OLD


def ask(run: Run, intent: OrderIntent) -> None:
    """Ask a person what becomes of an order that is too old to be adopted."""
    unwritten.note(run, intent, state="asked")
    text = (
        f"{describe(intent)} is over 24 hours old and no trade has it: the trades database may be "
        f"a new one. Freqpilot does not adopt it by itself, and entries of {intent.pair} wait. "
        f"Look at the account's history. If the position is still yours to trade, run "
        f"{command('adopt', intent)}; if not, run {command('dismiss', intent)}"
    )
    data = {"pair": intent.pair, "intent": intent.client_id}
    alerts.record(run, KIND, "CRITICAL", text, data)


def describe(intent: OrderIntent) -> str:
    """Return an order in words, for a person who looks for it on the exchange."""
    rate = f" at {intent.rate:g}" if intent.rate else ""
    return (
        f"the {intent.purpose} order {intent.client_id} ({intent.side} {intent.amount:g} in "
        f"{intent.pair}{rate}, {intent.time:%Y-%m-%d %H:%M:%S} UTC)"
    )


def command(what: str, intent: OrderIntent) -> str:
    """Return the command by which a person settles an order."""
    return f"`freqpilot orders --{what} {intent.client_id}`"


def _position(intent: OrderIntent, rate: float | None) -> Position:
    price = intent.rate or rate or 0.0
    stake = intent.amount * price / (intent.leverage or 1.0)
    side = "long" if intent.side == "buy" else "short"
    return Position(
        intent.pair,
        side,  # type: ignore[arg-type]
        stake,
        stake,
        leverage=intent.leverage,
        tag=intent.tag,
    )
