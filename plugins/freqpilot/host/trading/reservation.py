"""The stakes of both legs of a couple, and whether both may enter, before the first one does.

A reservation is nothing that is kept: whoever asks later finds the first leg among the open trades
and counts the second as if it were there (:func:`freqpilot.host.trading.couples.reserved`). Where
one leg is refused, both have lost their turn for the candle.
"""

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from freqpilot.errors import NoEntry
from freqpilot.host.account.positions import position_of
from freqpilot.host.account.trades import open_trades
from freqpilot.host.account.verdict import note_unsized
from freqpilot.host.frames.spreads import tag_id
from freqpilot.host.gate.judge import refusal
from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Exchange, Strategy, Trade
from freqpilot.host.trading import couples, proposals, slots
from freqpilot.shapes import OrderRequest, Position, Side
from freqpilot.signals.pairs import Couple

logger = logging.getLogger(__name__)


class Coupled(Strategy, Protocol):
    """A strategy that trades couples, as :class:`freqpilot.host.trading.coupled.CoupleStrategy`
    is one."""

    def couple_share(self) -> float:
        """Return the value of both legs together, in stake currency."""

    def leg_row(self, pair: str, time: datetime, /) -> dict[str, Any] | None:
        """Return what the last closed candle of a pair says of it as a leg."""


@dataclass(frozen=True)
class Leg:
    """One leg that is about to be entered: its row, its side and the value of its position in stake
    currency, borrowed money included."""

    pair: str
    side: Side
    row: Any
    wanted: float

    @property
    def rate(self) -> float:
        """The last close."""
        return float(self.row["close"])


def stake(
    strategy: Coupled, couple: Couple, pair: str, time: datetime, call: Mapping[str, Any]
) -> float:
    """Return the stake of a leg, 0 for none.

    :param strategy: a :class:`~freqpilot.host.trading.coupled.CoupleStrategy`.
    :param call: the other arguments of Freqtrade's ``custom_stake_amount``.
    """
    try:
        trades = open_trades()
        first = _there(couple, pair, trades)
        if first is not None:
            return _second(strategy, couple, pair, time, call, first, trades)
        own, other = _legs(strategy, couple, pair, time, str(call["side"]))
        _require_free(strategy, couple, own, other, time, trades)
        return _first(strategy, own, other, time, call, trades)
    except NoEntry as waiting:
        forfeit(couple)
        note(pair, couple, time, str(waiting))
    except Exception:  # Freqtrade would take the proposed stake instead
        forfeit(couple)
        logger.exception("No entry of %s: its legs could not be reserved", couple.tag)
    return 0.0


def admitted(strategy: Coupled, couple: Couple, pair: str, call: Mapping[str, Any]) -> bool:
    """Tell whether the gate would let both legs pass, the second beside the first; a second leg is
    left to the gate itself.

    :param call: the other arguments of Freqtrade's ``confirm_trade_entry``.
    """
    try:
        trades = open_trades()
        if _there(couple, pair, trades) is not None:
            return True
        time = call["current_time"]
        own, other = _legs(strategy, couple, pair, time, str(call["side"]))
        rates = current().rates
        held = [*(position_of(t, rates) for t in trades), *couples.reserved(trades)]
        worth = float(call["amount"]) * float(call["rate"])
        both = ((own, worth), (other, worth * couple.ratio(other.pair)))
        for leg, value in both:
            request = OrderRequest(time, leg.pair, leg.side, "entry", value, leg.rate)
            if reason := _refusal(strategy, request, held):
                raise NoEntry(f"{leg.pair} would be refused: {reason}")
            held.append(Position(leg.pair, leg.side, value, value, rate=leg.rate))
    except NoEntry as waiting:
        forfeit(couple)
        note(pair, couple, call["current_time"], str(waiting))
        return False
    except Exception:  # Freqtrade would take it for consent
        forfeit(couple)
        logger.exception("No entry of %s: its legs could not be judged", couple.tag)
        return False
    return True


def forfeit(couple: Couple) -> None:
    """Take the couple's turn of its candle from both legs; without a run nothing enters at all."""
    with suppress(NoEntry):
        for leg in (couple.first, couple.second):
            current().claimed[leg] = datetime.fromtimestamp(couple.candle, UTC)


def is_forfeit(couple: Couple, pair: str) -> bool:
    """Tell whether a leg has had its turn of the candle."""
    claimed = current().claimed.get(pair)
    return claimed is not None and claimed.timestamp() == couple.candle


def note(pair: str, couple: Couple, time: datetime, reason: str) -> None:
    """Count and, live, log and keep why a couple was not entered."""
    with suppress(NoEntry):
        run = current()
        run.counters.count("couples_refused")
        if run.live:
            candle = datetime.fromtimestamp(couple.candle, UTC)
            note_unsized(run, time, pair, candle, f"no leg of {couple.tag}: {reason}")


def _there(couple: Couple, pair: str, trades: list[Trade]) -> Any | None:
    other = couple.partner(pair)
    return next((t for t in trades if t.pair == other and t.enter_tag == couple.tag), None)


def _legs(
    strategy: Coupled, couple: Couple, pair: str, time: datetime, side: str
) -> tuple[Leg, Leg]:
    """Return the leg that asks and its partner, with what each is to be worth.

    :raises NoEntry: when they have not decided the same from the same candle.
    """
    found = []
    share = strategy.couple_share()
    sides: dict[str, Side] = {
        pair: "short" if side == "short" else "long",
        couple.partner(pair): "long" if side == "short" else "short",
    }
    for leg, its in sides.items():
        row = strategy.leg_row(leg, time)
        if row is None or row["tag"] != tag_id(couple.tag):
            raise NoEntry(f"{leg} has no such entry in its last closed candle")
        if row["side"] != (1.0 if its == "long" else -1.0):
            raise NoEntry(f"{leg} is not to be {its}")
        found.append(Leg(leg, its, row, share * couple.share(leg)))
    return found[0], found[1]


def _require_free(
    strategy: Coupled, couple: Couple, own: Leg, other: Leg, time: datetime, trades: list[Trade]
) -> None:
    """Ask for whatever the partner's turn will ask for.

    :raises NoEntry: when something is not there for both.
    """
    if own.pair in (t.pair for t in trades) or other.pair in (t.pair for t in trades):
        raise NoEntry(f"there is an open trade in {own.pair} or {other.pair}")
    most = float(strategy.config.get("max_open_trades", -1))
    taken = len(trades) + len(couples.reserved(trades))
    if math.isfinite(most) and most >= 0 and most - taken < 2:
        raise NoEntry(f"{taken} of {most:.0f} trades are taken, two are needed")
    whitelist = strategy.dp.current_whitelist()
    for leg in (own, other):
        if is_forfeit(couple, leg.pair):
            raise NoEntry(f"{leg.pair} has had its turn in this candle")
        if leg.pair not in whitelist:
            raise NoEntry(f"{leg.pair} is not on the whitelist")
        if strategy.is_pair_locked(leg.pair, candle_date=leg.row["date"], side=leg.side):
            raise NoEntry(f"{leg.pair} is locked")


def _first(
    strategy: Coupled,
    own: Leg,
    other: Leg,
    time: datetime,
    call: Mapping[str, Any],
    trades: list[Trade],
) -> float:
    """Return the first leg's stake: both are scaled down to the one that is capped more.

    :raises NoEntry: when one of them gets nothing, or less than its exchange takes.
    """
    held = couples.reserved(trades)
    wallet = float(call["max_stake"]) - sum(each.stake for each in held)
    scale = 1.0
    place: list[Position] = []
    for leg in (own, other):
        found = _allowed(strategy, leg, min(leg.wanted, wallet), time, [*held, *place])
        if not found > 0:
            raise NoEntry(f"there is no stake for {leg.pair}")
        scale = min(scale, found / leg.wanted)
        place.append(Position(leg.pair, leg.side, found, found, rate=leg.rate))
    scale = min(scale, wallet / (own.wanted + other.wanted))
    for leg in (own, other):
        _require_tradable(strategy, leg, leg.wanted * scale)
    return own.wanted * scale


def _second(
    strategy: Coupled,
    couple: Couple,
    pair: str,
    time: datetime,
    call: Mapping[str, Any],
    first: Trade,
    trades: list[Trade],
) -> float:
    """Return what the open first leg asks of the second.

    :raises NoEntry: when that is not to be had; the first is closed then.
    """
    own, _ = _legs(strategy, couple, pair, time, str(call["side"]))
    if couples.verdict(first, trades) not in (None, couples.ORPHAN) or is_forfeit(couple, pair):
        raise NoEntry("the other leg is leaving, or the turn is over")
    wanted = couples.cost(first) * couple.ratio(pair)
    if not wanted > 0:
        raise NoEntry(f"nothing of {first.pair} was filled")
    found = _allowed(strategy, own, min(wanted, float(call["max_stake"])), time, [])
    if not found >= wanted * (1 - couples.TOLERANCE / 2):
        raise NoEntry(f"{pair} gets {found:.2f} of the {wanted:.2f} that its partner needs")
    return found


def _allowed(
    strategy: Coupled, leg: Leg, wanted: float, time: datetime, held: list[Position]
) -> float:
    """Return what the supervisor allows of a wanted stake beside what is held."""
    if not wanted > 0 or not current().settings.supervisor:
        return max(wanted, 0.0)
    asked = {
        "side": leg.side,
        "current_rate": leg.rate,
        "leverage": 1.0,
        "min_stake": 0.0,
        "max_stake": min(wanted, slots.own_money(1.0, strategy.stoploss, 1.0)),
    }
    return proposals.stake(leg.row, leg.pair, time, asked, reserved=held)


def _require_tradable(strategy: Coupled, leg: Leg, value: float) -> None:
    """Ask the exchange's least order and step.

    :raises NoEntry: when the leg is below the first, or too far off after the second.
    """
    venue = strategy.dp._exchange
    least = venue.get_min_pair_stake_amount(leg.pair, leg.rate, strategy.stoploss, 1.0)
    if value < float(least or 0.0):
        raise NoEntry(f"{value:.2f} of {leg.pair} is below the exchange's minimum of {least:.2f}")
    amount = value / leg.rate
    rounded = _stepped(venue, leg.pair, amount)
    if abs(rounded / amount - 1.0) > couples.TOLERANCE / 2:
        raise NoEntry(f"the exchange would make {rounded:g} of {amount:g} {leg.pair}")


def _stepped(venue: Exchange, pair: str, amount: float) -> float:
    """Return an amount as the exchange would round it. In hyperopt's workers its client is gone;
    what almost every exchange of ccxt has stands in: steps, not digits."""
    from ccxt import TICK_SIZE
    from freqtrade.exchange import amount_to_contract_precision

    mode = TICK_SIZE if venue._api is None else venue.precisionMode
    step, size = venue.get_precision_amount(pair), venue.get_contract_size(pair)
    return float(amount_to_contract_precision(amount, step, mode, size))


def _refusal(strategy: Coupled, request: OrderRequest, held: list[Position]) -> str | None:
    """Return why the gate would refuse an order, live with all that it asks for there."""
    run = current()
    return refusal(run, request, held, strategy.dp._exchange if run.live else None)
