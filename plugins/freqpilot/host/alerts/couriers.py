"""Brings alerts to a person: what is due, to which channel, and again when it fails.

EMERGENCY leaves at once and alone; the others are gathered to one message a minute. The network is
waited for in a thread for each delivery, never in the bot's. How far an alert is stands in its
outbox, so that a channel that has it is not sent it again, also after a restart.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.control.messages import Message, compose
from freqpilot.execution.venues import unproven_in
from freqpilot.host.alerts.backlog import UNDELIVERED, Backlog
from freqpilot.host.alerts.channels import Channel, NotDelivered, channels_of, show
from freqpilot.host.seams.freqtrade import Bot
from freqpilot.store import Alert, Store

logger = logging.getLogger(__name__)

GATHER = timedelta(minutes=1)
REPEAT = timedelta(hours=1)
URGENT_REPEAT = timedelta(minutes=10)
"""For how long the like of an alert that was sent is counted and not sent again."""
WAITS = (5, 30, 120, 600)
"""Seconds before the next try on a channel, by failures in a row."""
LONGEST = timedelta(seconds=WAITS[-1])
GIVE_UP = timedelta(hours=24)

Identity = tuple[int, str, datetime]


def _identity(alert: Alert) -> Identity:
    """Return what tells an alert apart, also from one of another store with the same id."""
    return alert.id, alert.key, alert.time


class Job(threading.Thread):
    """Delivers messages by one channel, one after the other. A failure holds up no other message:
    one that is refused for what it holds must not stop those behind it."""

    def __init__(self, channel: Channel, messages: Sequence[Message]) -> None:
        super().__init__(name=f"freqpilot alerts {channel.name}", daemon=True)
        self.messages = tuple(messages)
        self.delivered: list[Message] = []
        self.failures: list[NotDelivered] = []
        self._channel = channel

    def run(self) -> None:
        """Deliver all; whatever a channel raises is a failure."""
        for message in self.messages:
            try:
                self._channel.deliver(message)
                self.delivered.append(message)
            except NotDelivered as error:
                self.failures.append(error)
            except Exception as error:
                self.failures.append(NotDelivered(f"{type(error).__name__}"))


@dataclass
class Courier:
    """What is known of one channel: its job, its failures in a row and when to try again."""

    name: str
    job: Job | None = None
    failures: int = 0
    retry_at: datetime | None = None
    asked_until: datetime | None = None
    """When the other side lets itself be asked again, where it has said so."""
    tried: set[Identity] = field(default_factory=set)

    def may_try(self, alert: Alert, now: datetime) -> bool:
        """Tell whether it is time to send an alert. A new EMERGENCY waits for no other's retry."""
        # What is further away than the longest wait shows that the clock was set back.
        if self.asked_until is not None and now < self.asked_until <= now + REPEAT:
            return False
        if self.retry_at is None or not timedelta() < self.retry_at - now <= LONGEST:
            return True
        return alert.level == "EMERGENCY" and _identity(alert) not in self.tried

    def note(self, job: Job, now: datetime) -> None:
        """Take note of how a job has ended."""
        if not job.failures:
            self.failures, self.retry_at, self.asked_until = 0, None, None
            self.tried.clear()
            return
        wait = WAITS[min(self.failures, len(WAITS) - 1)]
        self.failures += 1
        self.retry_at = now + timedelta(seconds=wait)
        asked = max(failure.wait for failure in job.failures)
        self.asked_until = now + timedelta(seconds=asked) if asked else None
        logger.warning(
            "%d message(s) with alerts did not leave by %s (%s); the next try is in %d s",
            len(job.failures),
            self.name,
            job.failures[0],
            max(wait, asked),
        )


class Sender:
    """Sends what the store and the backlog hold. Its time is the bot's clock."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Know of no bot, no store and no channel, as in a new process."""
        self.met = False
        self._couriers: dict[str, Courier] = {}
        self._modules: list[Any] = []
        self._bot = "freqtrade"
        self._store: Store | None = None
        self._gathered: datetime | None = None
        self._last: dict[str, datetime] = {}
        self._unsaved: dict[Identity, Alert] = {}

    def meet(self, bot: Bot) -> None:
        """Take the way out of a bot: after ``reload_config`` it is another one."""
        self.met = True
        self._modules = list(bot.rpc.registered_modules)
        self._bot = str(bot.config.get("bot_name") or "freqtrade")
        if exchange := unproven_in(bot.config):
            self._bot += f" (unproven exchange: {exchange})"

    def forget(self, key: str) -> None:
        """Let the like of an alert be sent, as this one was not delivered."""
        self._last.pop(key, None)

    def busy(self) -> set[int]:
        """Return the ids of the alerts that are being sent at this moment."""
        jobs = [each.job for each in self._couriers.values() if each.job is not None]
        return {a.id for job in jobs for message in job.messages for a in message.alerts}

    def step(self, store: Store | None, *, urgent: bool = False, force: bool = False) -> None:
        """Note what was delivered, and begin to deliver what is due.

        :param urgent: EMERGENCY alone.
        :param force: wait for no retry.
        """
        if not self.met:
            return  # without a bot nothing says that there is no channel
        now = datetime.now(UTC)
        self._follow(store, now)
        channels = channels_of(self._modules)
        known = {_identity(alert): alert for alert in self._alerts(store)}
        changed = self._collect(known, now)
        known.update((_identity(alert), alert) for alert in changed)
        taken = self._take(store, list(known.values()), now, urgent=urgent)
        known.update((_identity(alert), alert) for alert in taken)
        # Freqtrade has taken its modules down when a process ends: that is not "no channel".
        ended = self._end(list(known.values()), channels) if channels or not urgent else []
        known.update((_identity(alert), alert) for alert in ended)
        self._save(store, [*changed, *ended], now)
        waiting = [alert for alert in known.values() if alert.state == "taken"]
        for channel in channels:
            self._send(channel, waiting, now, urgent=urgent, force=force)

    def join(self, seconds: float) -> None:
        """Wait until the deliveries under way have ended, ``seconds`` at most for each channel."""
        for courier in self._couriers.values():
            if courier.job is not None:
                courier.job.join(seconds)

    def _follow(self, store: Store | None, now: datetime) -> None:
        """Begin with a store that is another one: what was sent lately is not repeated."""
        if store is None or store is self._store:
            return
        try:
            self._last = store.alerts_sent(now - REPEAT)
        except Exception as error:
            logger.warning("What was sent before the start cannot be read: %s", error)
            return
        self._store = store
        self._unsaved.clear()

    def _alerts(self, store: Store | None) -> list[Alert]:
        found: list[Alert] = []
        if store is not None:
            try:
                found = store.alerts()
            except Exception as error:
                logger.warning("The alerts in the store cannot be read: %s", error)
        found = [self._unsaved.get(_identity(alert), alert) for alert in found]
        return [*(alert for alert in found if alert.state in UNDELIVERED), *self.backlog.alerts()]

    def _collect(self, known: dict[Identity, Alert], now: datetime) -> list[Alert]:
        """Return the alerts that jobs which have ended have changed."""
        changed: dict[Identity, Alert] = {}
        for courier in self._couriers.values():
            job = courier.job
            if job is None or job.is_alive():
                continue
            courier.job = None
            courier.note(job, now)
            for message in job.messages:
                had = message in job.delivered
                for alert in message.alerts:
                    identity = _identity(alert)
                    # One that is not known is in a store that cannot be read at this moment.
                    latest = changed.get(identity) or known.get(identity) or alert
                    changed[identity] = _after(latest, courier.name, had, now)
        return list(changed.values())

    def _take(
        self, store: Store | None, alerts: list[Alert], now: datetime, *, urgent: bool
    ) -> list[Alert]:
        """Return the alerts whose time to be sent has come; they count no more of their like."""
        gathers = not urgent and not _within(self._gathered, now, GATHER)
        due = [
            alert
            for alert in alerts
            if alert.state == "open"
            and (alert.level == "EMERGENCY" or gathers)
            and not self._repeats(alert, now)
        ]
        if not due:
            return []
        taken = self.backlog.take_alerts([alert.id for alert in due if alert.id < 0])
        taken += self._taken_of(store, [alert for alert in due if alert.id >= 0])
        if any(alert.level != "EMERGENCY" for alert in taken):
            self._gathered = now
        for alert in taken:
            self._note(alert, now)
        for message in compose(taken, self._bot):
            try:
                show(self._modules, message)
            except Exception as error:
                logger.warning("FreqUI was not shown an alert: %s", error)
        return taken

    def _taken_of(self, store: Store | None, due: list[Alert]) -> list[Alert]:
        if store is None or not due:
            return []
        try:
            return store.take_alerts([alert.id for alert in due])
        except Exception as error:
            logger.warning("The alerts in the store cannot be written: %s", error)
        taken = [replace(alert, state="taken") for alert in due]
        self._unsaved.update((_identity(alert), alert) for alert in taken)
        return taken

    def _repeats(self, alert: Alert, now: datetime) -> bool:
        """Tell whether the like of an alert was sent lately."""
        span = URGENT_REPEAT if alert.level == "EMERGENCY" else REPEAT
        return _within(self._last.get(alert.key), now, span)

    def _note(self, alert: Alert, now: datetime) -> None:
        """Remember that an alert was sent. It may end what others have said: after "safe mode over"
        a new safe mode is news, and after a release everything is."""
        if alert.kind == "release":
            self._last.clear()
        other = alert.kind.removesuffix(" over")
        other = f"{other} over" if other == alert.kind else other
        self._last = {
            key: time
            for key, time in self._last.items()
            if _within(time, now, REPEAT) and key.split("|")[1] != other
        }
        self._last[alert.key] = now

    def _end(self, alerts: list[Alert], channels: list[Channel]) -> list[Alert]:
        """Return the alerts that every channel has that wants them, with their end."""
        busy, ended = self.busy(), []
        for alert in alerts:
            if alert.state != "taken" or alert.id in busy:
                continue
            if not any(_lacks(alert, channel) for channel in channels):
                end = "sent" if alert.channels else "no channel"
                ended.append(replace(alert, state=end))  # type: ignore[arg-type]
        return ended

    def _save(self, store: Store | None, alerts: list[Alert], now: datetime) -> None:
        latest = {_identity(alert): alert for alert in alerts}
        self.backlog.save_alerts([alert for alert in latest.values() if alert.id < 0])
        self._unsaved.update((i, alert) for i, alert in latest.items() if alert.id >= 0)
        if store is None or not self._unsaved:
            return
        try:
            store.save_alerts(list(self._unsaved.values()), now)
            self._unsaved.clear()
        except Exception as error:
            logger.warning("How far the alerts are cannot be written: %s", error)

    def _send(
        self, channel: Channel, waiting: list[Alert], now: datetime, *, urgent: bool, force: bool
    ) -> None:
        """Begin to deliver what a channel lacks, unless a delivery is under way."""
        courier = self._couriers.setdefault(channel.name, Courier(channel.name))
        if courier.job is not None:
            return
        due = [
            alert
            for alert in waiting
            if _lacks(alert, channel)
            and (not urgent or alert.level == "EMERGENCY")
            and (force or courier.may_try(alert, now))
        ]
        if due:
            courier.tried.update(map(_identity, due))
            courier.job = Job(channel, compose(due, self._bot))
            courier.job.start()


def _within(since: datetime | None, until: datetime, span: timedelta) -> bool:
    """Tell whether ``span`` has not passed yet. A clock that was set back holds up nothing."""
    return since is not None and timedelta() <= until - since < span


def _lacks(alert: Alert, channel: Channel) -> bool:
    return channel.name not in alert.channels and channel.wants(alert.level)


def _after(alert: Alert, channel: str, had: bool, now: datetime) -> Alert:
    """Return an alert after a try by a channel. One that is a day old is given up, and kept so."""
    if had:
        return replace(alert, channels=(*alert.channels, channel))
    if now - alert.newest < GIVE_UP:
        return replace(alert, tries=alert.tries + 1)
    logger.critical("An alert of %s could not be delivered: %s", alert.time, alert.text)
    return replace(alert, tries=alert.tries + 1, state="given up")
