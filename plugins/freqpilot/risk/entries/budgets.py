"""What a trade with all its additions may be, and what the trades of an entry tag may be together.

A trade is all that is open in a pair, as Freqtrade has one trade a pair. An addition counts to the
tag that its trade was entered with, whatever tag the addition bears. Other bots' tags are not
known, so budgets of tags are of this bot's trades alone.
"""

import math
from collections.abc import Iterator
from fnmatch import fnmatchcase

from freqpilot.risk.entries.caps import Cap, stake_in
from freqpilot.risk.exits import catastrophe
from freqpilot.risk.soundness import is_number
from freqpilot.settings import RiskSettings, TagBudget
from freqpilot.shapes import Book, OrderRequest, Position, Side


def budgets(order: OrderRequest, book: Book, settings: RiskSettings) -> Iterator[Cap]:
    """Yield the caps on the stake of an order by what its trade and its tag may be, those that are
    only reported apart. ``book`` must not contain the order's own stake."""
    if "trade_budget" not in settings.report_only:
        yield from _of_trade(order, book, settings)
    if settings.tags and "tag_budget" not in settings.report_only:
        yield from _of_tags(order, book, settings)


def _of_trade(order: OrderRequest, book: Book, settings: RiskSettings) -> Iterator[Cap]:
    pair, budget = order.pair, settings.trade
    if budget.max_stake is not None:
        held = stake_in(pair, book)
        yield Cap("trade_budget", f"the trade in {pair} with its additions", budget.max_stake, held)
    if budget.max_loss is not None:
        most = _bound(order)
        share = min(most, loss_share(order.side, order.rate, _stop(order, book), order.leverage))
        if share > 0:  # an order that loses nothing at the stop raises no loss
            own = (each for each in book.positions if each.pair == pair)
            held = sum(min(most * each.stake, worst_loss(each)) for each in own)
            what = f"what the trade in {pair} can lose"
            yield Cap("trade_budget", what, budget.max_loss, held, weight=share)


def _of_tags(order: OrderRequest, book: Book, settings: RiskSettings) -> Iterator[Cap]:
    tags = _tags(book)
    tag = tags.get(order.pair, order.tag)
    for name, group in settings.tags.items():
        if group.max_stake is None or not matches(tag, group):
            continue
        held = sum(
            position.stake
            for position in book.positions
            if _is_beside(tags.get(position.pair), tag, group)
        )
        yield Cap("tag_budget", _words(name, tag, group), group.max_stake, held)


def too_many_additions(order: OrderRequest, book: Book, settings: RiskSettings) -> str | None:
    """Return why an addition is one too many for its trade, None where it is not."""
    most = settings.trade.max_additions
    if order.purpose != "add" or most is None:
        return None
    made = max((each.additions for each in book.positions if each.pair == order.pair), default=0)
    if made < most:
        return None
    return f"the trade in {order.pair} has {made} additions, limit {most}"


def too_many_of_tag(order: OrderRequest, book: Book, settings: RiskSettings) -> str | None:
    """Return why an entry is one too many for a group of tags, None where it is not."""
    if order.purpose != "entry":
        return None
    tags = _tags(book)
    for name, group in settings.tags.items():
        if group.max_trades is None or not matches(order.tag, group):
            continue
        count = sum(_is_beside(tag, order.tag, group) for tag in tags.values())
        if count >= group.max_trades:
            who = _words(name, order.tag, group)
            return f"{count} trades are open of {who}, limit {group.max_trades}"
    return None


def matches(tag: str | None, group: TagBudget) -> bool:
    """Tell whether a group of tags holds an entry tag: the whole of it, or a word of it, as some
    strategies join all that they saw. No tag is an empty one, which ``"*"`` holds."""
    whole = tag or ""
    words = {whole, *whole.split()}
    return any(fnmatchcase(word, pattern) for word in words for pattern in group.tags)


def loss_share(side: Side, rate: float, stop: float, leverage: float) -> float:
    """Return which share of its own money, 0…1, a position that is opened at ``rate`` loses at
    ``stop``, fees apart; all of it where there is no stop, or one beyond the money. In isolated
    margin more cannot be lost."""
    if not (is_number(rate, above=0) and is_number(stop, above=0)):
        return 1.0
    fall = stop / rate - 1 if side == "short" else 1 - stop / rate
    return min(1.0, max(0.0, fall * leverage))


def worst_loss(position: Position) -> float:
    """Return what an open position loses of what was paid, in stake currency, when its stop is
    filled at its price; all of it without a stop."""
    if position.stake <= 0 or position.value <= 0:
        return max(0.0, position.stake)
    opened = position.rate * position.stake / position.value
    share = loss_share(position.side, opened, position.risk_stop, position.leverage)
    return position.stake * share


def _stop(order: OrderRequest, book: Book) -> float:
    """Return the stop that an order will have: its trade's, NaN where that has none."""
    own = [each.risk_stop for each in book.positions if each.pair == order.pair]
    if not own:
        return order.stop
    return next((stop for stop in own if is_number(stop, above=0)), math.nan)


def _bound(order: OrderRequest) -> float:
    """Return the largest share of its own money that a trade loses before its catastrophe stop; all
    of it where it has none."""
    if order.stop_distance is None:
        return 1.0
    return min(1.0, catastrophe.loss_share(order.stop_distance, order.leverage))


def _tags(book: Book) -> dict[str, str | None]:
    """Return the entry tag of each trade by its pair."""
    found: dict[str, str | None] = {}
    for position in book.positions:
        found[position.pair] = found.get(position.pair) or position.tag
    return found


def _is_beside(tag: str | None, own: str | None, group: TagBudget) -> bool:
    return (tag or "") == (own or "") if group.each else matches(tag, group)


def _words(name: str, tag: str | None, group: TagBudget) -> str:
    return f"the tag {tag or '(none)'} of {name}" if group.each else f"the tags of {name}"
