"""Whether the bot's key may withdraw money. It must not: who steals such a key empties the account,
and no limit of ours stands before that."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.execution.venues import KeyRights, venue_of
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange

AGAIN = timedelta(days=1)
"""After this long the exchange is asked again: a key's rights can be changed."""
LINE = '"risk": {"key_cannot_withdraw": true} in the freqpilot section of the config'
LOOK = (
    f"Look at the key's permissions on the exchange's page; where it cannot withdraw, write {LINE}"
)
TRADES = "; no entry is made until then, open trades are managed as ever"


class KeyRight:
    """What is known of a run's key; a live run asks the exchange once a day."""

    withdraws: bool | None = None

    def __init__(self, run: Run) -> None:
        self._run = run
        self._asked: datetime | None = None
        self._why = "the exchange was not asked yet whether the key may withdraw"

    def look(self, exchange: Exchange) -> None:
        """Ask the exchange where it is time. A fault leaves what was known, and is tried again in
        the next loop."""
        if exchange._config["dry_run"] or self._run.settings.risk.key_cannot_withdraw:
            return
        now = datetime.now(UTC)
        if self._asked is not None and timedelta() <= now - self._asked < AGAIN:
            return
        api = exchange._api
        venue = venue_of(api.id, "spot" if exchange.trading_mode == "spot" else "futures")
        if venue is None or venue.key_rights is None:
            self._note(f"{api.id} does not tell whether a key may withdraw")
            return
        try:
            found = may_withdraw(getattr(api, venue.key_rights.call)(), venue.key_rights)
        except Exception as error:  # ccxt raises many kinds
            self._note(f"{api.id} did not say whether the key may withdraw: {type(error).__name__}")
            return
        if found is None:
            self._note(f"{api.id} did not say whether the key may withdraw")
            return
        self._asked = now
        if found and not self.withdraws:
            text = f"{_words(api.id)}{TRADES}"
            alerts.record(self._run, "key", "CRITICAL", text, time=now)
        self.withdraws = found

    def _note(self, why: str) -> None:
        """Keep why nothing is known, and let a person hear of it where entries wait for that."""
        if why == self._why:
            return
        self._why = why
        if self.withdraws is None:
            text = f"{why}: entries wait. {LOOK}"
            alerts.record(self._run, "key", "WARNING", text)

    def require(self, exchange: Exchange) -> None:
        """Let an entry pass only with a key that cannot withdraw, or with a person's word for it.

        :raises NoEntry: for one that can, and while nobody knows.
        """
        if exchange._config["dry_run"] or self._run.settings.risk.key_cannot_withdraw:
            return
        if self.withdraws:
            raise NoEntry(_words(exchange._api.id))
        if self.withdraws is None:
            raise NoEntry(f"{self._why}. {LOOK}")


def may_withdraw(answer: Any, rights: KeyRights) -> bool | None:
    """Return what an exchange's answer says of a key, None where it says nothing."""
    found = answer
    for name in rights.path:
        if isinstance(found, Mapping):
            found = found.get(str(name))
        elif isinstance(found, list) and isinstance(name, int) and name < len(found):
            found = found[name]
        else:
            return None
    if isinstance(found, bool):
        return found
    if isinstance(found, str):
        words = [word.strip().lower() for word in found.split(",")]
        return words != ["false"] if words in (["true"], ["false"]) else rights.word in words
    if isinstance(found, list):
        return rights.word in [str(word).lower() for word in found]
    return None


def _words(exchange: str) -> str:
    return (
        f"the bot's key on {exchange} may withdraw money: who steals it empties the account. Take "
        "the permission away on the exchange's page, or make a key without it, and restart"
    )
