"""Whose a store is: one trades database and one process have it, and no other writes into it.

A bot is known by an id that lies in Freqtrade's trades database; a process by a nonce. Of the bots
that name one store, the first owns it. A process that was killed leaves its place to the next one
of the same trades database; a bot of another trades database never gets it: it would adopt orders
that are not its own, and its ledger would wipe out the other's latch.
"""

import logging
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from freqpilot.errors import RefuseToStart
from freqpilot.store import Store

logger = logging.getLogger(__name__)

ID = "freqpilot_id"
"""Under which Freqtrade's key-value store keeps a bot's id."""
BOT_KEY = "bot name"
OWNER = ", owner"
EXPIRY = timedelta(seconds=60)
"""After so long without a heartbeat a process that cannot be looked at counts as dead."""
BIRTH_TOLERANCE = 1.0
"""Seconds by which a process's start may differ between two readings: the system rounds it."""


class StoreOwned(RefuseToStart):
    """The store belongs to another bot, or to a process that is alive."""


class StoreShared(StoreOwned):
    """Another process of this very bot is alive, and manages its trades."""


@dataclass(frozen=True)
class Owner:
    """A bot's id, and the process that runs it: its nonce, host, number and start (s since the
    epoch)."""

    bot: str
    nonce: str
    host: str
    pid: int
    born: float


_nonce: tuple[int, str] = (0, "")


def nonce() -> str:
    """Return what tells this process from every other, also from one that it was forked from."""
    global _nonce  # noqa: PLW0603 - one per process, drawn at its first use
    if _nonce[0] != os.getpid():
        _nonce = os.getpid(), secrets.token_hex(8)
    return _nonce[1]


def this_process(bot: str) -> Owner:
    """Return this process as the owner of a bot's store."""
    import psutil

    return Owner(bot, nonce(), socket.gethostname(), os.getpid(), psutil.Process().create_time())


def identity(store: Store, key: str) -> str:
    """Return the id of this bot, which lies in its trades database.

    A database without one takes over the name that the store has from before, if nobody owns the
    store yet, or gets a new one. A database in memory has nowhere to keep it: there the store does.

    :param key: of the ledger.
    """
    if not _is_kept():
        return _name_of(store)
    from freqtrade.persistence import KeyValueStore

    known = KeyValueStore.get_string_value(ID)
    if known is None:
        free = store.load_state(f"{key}{OWNER}") is None
        known = _name_of(store) if free else secrets.token_hex(4)
        KeyValueStore.store_value(ID, known)
    return str(known)


def _is_kept() -> bool:
    """Tell whether the trades database outlives this process."""
    from freqtrade.persistence import Trade

    if not hasattr(Trade, "session"):
        return False
    url = Trade.session.get_bind().engine.url
    return bool(url.get_backend_name() != "sqlite" or url.database not in (None, "", ":memory:"))


def _name_of(store: Store) -> str:
    saved = store.load_state(BOT_KEY)
    if saved is None:
        saved = {"name": secrets.token_hex(4)}
        store.save_state(BOT_KEY, saved, datetime.now(UTC))
    return str(saved["name"])


def claim(store: Store, key: str, bot: str) -> Owner:
    """Make this process the owner of a store's ledger; returns it as such.

    A former process of the same trades database that cannot be looked at (another container) is
    waited for until its heartbeat has expired. One that lies in the future is of a clock that was
    ahead: there the wait shows whether it goes on.

    :raises StoreShared: while another process of the same trades database is alive.
    :raises StoreOwned: when the store belongs to another trades database.
    """
    mine, first = this_process(bot), store.beats().get(key)
    for waited in range(int(EXPIRY.total_seconds()) + 5):
        held = store.load_state(f"{key}{OWNER}")
        former = None if held is None else Owner(**held)
        if former is not None and former.bot != bot:
            raise StoreOwned(_foreign(key))
        others = former is not None and former.nonce != mine.nonce
        beat = store.beats().get(key)
        still = beat == first and waited >= EXPIRY.total_seconds() and not is_here(former)
        if former is not None and others and not still and not is_over(former, beat):
            time.sleep(1.0)
            continue
        now = datetime.now(UTC)
        if store.swap_state(f"{key}{OWNER}", held, asdict(mine), now):
            store.beat(key, now)
            if former is not None and others:
                logger.warning("Taken over from process %s, which is gone", former.pid)
            return mine
    raise StoreShared(
        "another process of this bot is alive: it has the same trades database and the same "
        f"freqpilot store ({key}). It manages the open trades; stop it before you start another, "
        "or give this one a --db-url and a freqpilot.store.url of its own"
    )


def _foreign(key: str) -> str:
    return (
        f"the freqpilot store belongs to another trades database ({key}): its ledger and its "
        "orders are not this bot's. Give this bot a store of its own: "
        '{"freqpilot": {"store": {"url": "sqlite:///freqpilot-2.sqlite"}}}. If you have begun a '
        "new trades database on purpose, do the same, or move the old store away; this bot's "
        "open trades are untouched"
    )


def is_over(former: Owner, beat: datetime | None) -> bool:
    """Tell whether a process is gone: on this host the system knows, elsewhere its heartbeat
    does."""
    if is_here(former):
        return not _is_alive(former)
    return beat is None or datetime.now(UTC) - beat >= EXPIRY


def is_here(owner: Owner | None) -> bool:
    """Tell whether a process is of this host, where the system knows of it."""
    return owner is not None and owner.host == socket.gethostname()


def _is_alive(owner: Owner) -> bool:
    import psutil

    try:
        found = psutil.Process(owner.pid)
        return bool(
            abs(found.create_time() - owner.born) < BIRTH_TOLERANCE
            and found.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


@dataclass
class Ownership:
    """A running bot's hold of its store."""

    store: Store
    key: str
    owner: Owner
    lost: str | None = None

    def beat(self, now: datetime) -> None:
        """Say that the owner is alive, or note that the store has another owner by now."""
        held = self.store.load_state(f"{self.key}{OWNER}")
        if held is not None and held["nonce"] != self.owner.nonce:
            self.lost = (
                f"another process (number {held['pid']} on {held['host']}) has taken the freqpilot "
                "store over; stop one of the two. This one opens nothing and writes nothing there; "
                "its exits go on"
            )
            return
        self.lost = None
        self.store.beat(self.key, now)
