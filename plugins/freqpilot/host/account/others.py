"""What several bots tell each other: their open positions, in one database that all of them name.

Each bot keeps a store of its own and writes what it has open into the shared one, each loop and
before each order. What another said last counts, also when it is silent, for ``shared_hours``: a
bot that is down still has its positions. Stakes are held against this bot's equity alone, which
errs on the safe side; dollars of any kind count as one currency, others cannot be summed up.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from freqpilot.errors import NoEntry
from freqpilot.host.run import ownership
from freqpilot.host.run.run import Run
from freqpilot.risk.account.dollars import DOLLARS
from freqpilot.shapes import OrderRequest, Position
from freqpilot.store import Store

logger = logging.getLogger(__name__)

PREFIX = "open positions of "


def step(run: Run, currency: str, positions: Sequence[Position]) -> None:
    """Tell the others what is open here and look at theirs. A fault keeps entries away until the
    next loop; open trades are managed as ever."""
    if run.shared is None:
        return
    try:
        publish(run, currency, positions)
        run.others = read(run, currency)
    except Exception as error:
        run.others = None
        logger.warning("Other bots' positions are not known, entries wait: %s", error)


def announce(run: Run, currency: str, positions: Sequence[Position], order: OrderRequest) -> None:
    """Tell the others of an order before it is judged, and look at theirs: of two bots that enter
    at once each sees the other's order.

    :raises NoEntry: when that cannot be done.
    """
    if run.shared is None:
        return
    coming = Position(order.pair, order.side, order.stake, order.stake)
    try:
        publish(run, currency, [*positions, coming])
        run.others = read(run, currency)
    except NoEntry:
        raise
    except Exception as error:
        raise NoEntry(f"other bots' positions could not be read: {error}") from error


def publish(run: Run, currency: str, positions: Sequence[Position]) -> None:
    """Write what is open here into the shared database.

    :raises NoEntry: when another bot that is alive bears this bot's id; its record is left alone.
    """
    now = datetime.now(UTC)
    assert run.shared is not None
    name = f"{PREFIX}{run.name}"
    _require_own(run.shared, name)
    state = {
        "owner": asdict(ownership.this_process(run.name)),
        "ledger": run.key,
        "exchange": run.exchange,
        "currency": currency,
        "positions": [[each.pair, each.side, each.stake] for each in positions],
    }
    run.shared.save_state(name, state, now)
    run.shared.beat(name, now)


def _require_own(store: Store, name: str) -> None:
    held = store.load_state(name) or {}
    if "owner" not in held:
        return
    other = ownership.Owner(**held["owner"])
    if other.nonce != ownership.nonce() and not ownership.is_over(other, store.beats().get(name)):
        raise NoEntry(
            f"another bot that is alive bears the id of this one, {other.bot}: one of the two is a "
            "copy of the other's user_data, so their positions cannot be told apart. Start one of "
            "them with a trades database and a freqpilot store of its own"
        )


def read(run: Run, currency: str) -> tuple[Position, ...]:
    """Return what the other bots of the same mode have open, by what they said last.

    :raises NoEntry: when one of them counts in a currency that cannot be summed up with ours.
    """
    now = datetime.now(UTC)
    assert run.shared is not None
    own, oldest = (
        f"{PREFIX}{run.name}",
        now - timedelta(hours=run.settings.store.shared_hours),
    )
    found: list[Position] = []
    for name, time in run.shared.beats().items():
        if not name.startswith(PREFIX) or name == own or time < oldest:
            continue
        state = run.shared.load_state(name)
        if state is None or state["ledger"] != run.key or not state["positions"]:
            continue
        theirs = str(state["currency"])
        if theirs != currency and not {theirs, currency} <= set(DOLLARS):
            raise NoEntry(f"another bot has positions in {theirs}, which {currency} cannot count")
        found += [
            Position(
                str(pair),
                "short" if side == "short" else "long",
                stake,
                stake,
                exchange=str(state["exchange"]),
            )
            for pair, side, stake in state["positions"]
        ]
    return tuple(found)
