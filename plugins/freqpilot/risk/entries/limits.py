"""The verdict on an order that is about to be sent and raises risk. It fails closed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from freqpilot.risk.account.responses import cap_factor
from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries.diversification import Share, shares
from freqpilot.risk.soundness import fault_of, is_number, reached
from freqpilot.settings import RiskSettings, Tier
from freqpilot.shapes import Book, Cut, OrderRequest, RiskVerdict

STAKE_TOLERANCE = 1e-6
"""A stake may pass its cap by this share: rounding to the exchange's steps is not a breach."""


class Case(NamedTuple):
    """What a rule looks at."""

    order: OrderRequest
    book: Book
    settings: RiskSettings
    tier: Tier
    shares: Sequence[Share]


def judge(order: OrderRequest, book: Book, settings: RiskSettings) -> RiskVerdict:
    """Return the verdict on ``order`` as it stands: allowed with its stake, or refused.

    The stake is never changed here: resizing is :func:`freqpilot.risk.entries.sizing.propose`'s
    part. A refused verdict says why in ``veto`` and names the rule in its only cut. ``book`` must
    not contain the order's own stake; for a replacement that means without the replaced order.
    """
    if fault := fault_of(order, book):
        return _refused("figures", fault)
    tier = tier_in(book, settings)
    case = Case(order, book, settings, tier, shares(order.pair, book, tier, settings))
    for rule, check in RULES.items():
        if veto := check(case):
            return _refused(rule, veto)
    return RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)


def _refused(rule: str, veto: str) -> RiskVerdict:
    return RiskVerdict(allowed=False, stake=0.0, cuts=(Cut(rule, 0.0),), veto=veto)


def _stamp(case: Case) -> str | None:
    age = (case.order.time - case.book.stamp).total_seconds()
    if age < 0:
        return f"the account was observed {-age:.0f} s after the order's time; check the clock"
    if age > case.settings.max_stamp_age_seconds:
        return (
            f"the account was last observed {age:.0f} s ago, limit "
            f"{case.settings.max_stamp_age_seconds:.0f} s: the bot's loop takes too long "
            "(`freqpilot doctor` names the mend), or its looks fail"
        )
    return None


def _stake_rate(case: Case) -> str | None:
    if is_number(case.book.usd, above=0):
        return None
    return (
        "what the stake currency is worth in US dollars is not known, and tiers are of dollars: "
        'add {"freqpilot": {"risk": {"stake_rate": DOLLARS OF ONE}}} to the config'
    )


def _halted(case: Case) -> str | None:
    return None if case.book.halted is None else f"trading is halted: {case.book.halted}"


def _wait(case: Case) -> str | None:
    return case.book.wait


def _loss(name: str, equity: float, start: float, limit: float) -> str | None:
    loss = 1.0 - equity / start
    if not reached(loss, limit):
        return None
    return f"the {name} loss is {loss:.1%} of {start:.2f}, limit {limit:.1%}"


def _daily_loss(case: Case) -> str | None:
    return _loss("daily", case.book.equity, case.book.day_start, case.settings.daily_loss)


def _weekly_loss(case: Case) -> str | None:
    return _loss("weekly", case.book.equity, case.book.week_start, case.settings.weekly_loss)


def _total_loss(case: Case) -> str | None:
    return _loss("total", case.book.equity, case.book.start, case.settings.total_loss)


def _drawdown(case: Case) -> str | None:
    drawdown, limit = case.book.drawdown, case.settings.drawdown_halt
    if not reached(drawdown, limit):
        return None
    return (
        f"the drawdown is {drawdown:.1%} from the peak of {case.book.peak:.2f}, halt at {limit:.1%}"
    )


def _open_trades(case: Case) -> str | None:
    count, limit = len(case.book.positions), case.tier.max_open_trades
    if case.order.purpose != "entry" or count < limit:
        return None
    return f"{count} trades are open, limit {limit} in tier {case.tier.name}"


def _leverage(case: Case) -> str | None:
    leverage, limit = case.order.leverage, case.tier.max_leverage
    if leverage < 1:
        return f"the leverage is {leverage:g}, below 1"
    if leverage <= limit * (1 + STAKE_TOLERANCE):
        return None
    return f"the leverage would be {leverage:g}, limit {limit:g} in tier {case.tier.name}"


def _position(case: Case) -> str | None:
    stake = stake_in(case.order.pair, case.book) + case.order.stake
    most = case.tier.max_position * cap_factor(case.book, case.settings)
    if stake <= most * case.book.equity * (1 + STAKE_TOLERANCE):
        return None
    return (
        f"the position in {case.order.pair} would be {stake / case.book.equity:.1%} of equity, "
        f"limit {most:.1%} now in tier {case.tier.name}"
    )


def _exposure(case: Case) -> str | None:
    exposure = case.book.exposure + case.order.stake
    if exposure <= case.settings.max_exposure * case.book.equity * (1 + STAKE_TOLERANCE):
        return None
    return (
        f"exposure would be {exposure / case.book.equity:.1%} of equity, "
        f"limit {case.settings.max_exposure:.1%}"
    )


def _exchange_exposure(case: Case) -> str | None:
    exposure, most = case.book.exchange_exposure + case.order.stake, case.settings
    limit = most.max_exchange_exposure
    if exposure <= limit * case.book.equity * (1 + STAKE_TOLERANCE):
        return None
    return (
        f"exposure on {case.book.exchange or 'the exchange'} would be "
        f"{exposure / case.book.equity:.1%} of equity, limit {limit:.1%}"
    )


def _shared(rule: str) -> Callable[[Case], str | None]:
    def check(case: Case) -> str | None:
        order, book = case.order, case.book
        for each in case.shares:
            stake = each.held + order.stake
            if each.rule == rule and stake > each.limit * book.equity * (1 + STAKE_TOLERANCE):
                return (
                    f"{each.what} would be {stake / book.equity:.1%} of equity, "
                    f"limit {each.limit:.1%} now in tier {case.tier.name}"
                )
        return None

    return check


def stake_in(pair: str, book: Book) -> float:
    """Return the own money that is already in ``pair``, in stake currency."""
    return sum(position.stake for position in book.positions if position.pair == pair)


RULES: dict[str, Callable[[Case], str | None]] = {
    "stamp": _stamp,
    "stake_rate": _stake_rate,
    "halted": _halted,
    "wait": _wait,
    "daily_loss": _daily_loss,
    "weekly_loss": _weekly_loss,
    "total_loss": _total_loss,
    "drawdown_halt": _drawdown,
    "max_open_trades": _open_trades,
    "max_leverage": _leverage,
    "max_position": _position,
    "max_exposure": _exposure,
    "max_exchange_exposure": _exchange_exposure,
    "max_meme_position": _shared("max_meme_position"),
    "max_class": _shared("max_class"),
    "max_sector": _shared("max_sector"),
}
"""The rules by name, in the order they are asked; the first that trips gives the reason."""
