"""The verdict on an order that is about to be sent and raises risk. It fails closed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries.budgets import budgets, too_many_additions, too_many_of_tag
from freqpilot.risk.entries.caps import Cap, caps
from freqpilot.risk.entries.traderisk import RULE as TRADE_RISK
from freqpilot.risk.entries.traderisk import risk_caps
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
    caps: Sequence[Cap]


def judge(order: OrderRequest, book: Book, settings: RiskSettings) -> RiskVerdict:
    """Return the verdict on ``order`` as it stands: allowed with its stake, or refused.

    The stake is never changed here: that is :func:`fit`'s part. A refused verdict says why in
    ``veto`` and names the rule in its only cut: of several caps the one that leaves least room.
    ``book`` must not contain the order's own stake; for a replacement that means without the
    replaced order.
    """
    if fault := fault_of(order, book):
        return _refused("figures", fault)
    case = _case(order, book, settings)
    broken = [cap for cap in case.caps if _breaks(cap, case)]
    refused = _refused_by_condition(case)
    if refused is None and broken:
        tightest = _tightest(broken, case)
        return _refused(tightest.rule, _share_of(tightest, case))
    return refused or RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)


def reported(order: OrderRequest, book: Book, settings: RiskSettings) -> list[Cut]:
    """Return what the limits that are only reported would leave of an order's stake, for those that
    it breaks."""
    if not settings.report_only or fault_of(order, book):
        return []
    case = _case(order, book, settings.model_copy(update={"report_only": ()}))
    room: dict[str, float] = {}
    for cap in case.caps:
        left = max(0.0, cap.room(book.equity))
        room[cap.rule] = min(left, room.get(cap.rule, left))
    return [
        Cut(rule, room.get(rule, 0.0))
        for rule, check in RULES.items()
        if rule in settings.report_only and check(case)
    ]


def fit(order: OrderRequest, book: Book, settings: RiskSettings) -> RiskVerdict:
    """Return the verdict on ``order`` with its stake cut to what every cap leaves room for.

    ``cuts`` names the cap that cut most. What no smaller stake would keep refuses as in
    :func:`judge`, and so does a cap without any room.
    """
    if fault := fault_of(order, book):
        return _refused("figures", fault)
    case = _case(order, book, settings)
    if refused := _refused_by_condition(case):
        return refused
    allowed = RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)
    if not case.caps:
        return allowed
    tightest = _tightest(case.caps, case)
    room = tightest.room(book.equity)
    if room <= 0:
        return _refused(tightest.rule, _share_of(tightest, case))
    if not _breaks(tightest, case):
        return allowed
    return RiskVerdict(True, room, order.leverage, cuts=(Cut(tightest.rule, room),))


def reason(rule: str, order: OrderRequest, book: Book, settings: RiskSettings) -> str:
    """Return why a rule refuses an order as it stands; empty where it does not."""
    return RULES[rule](_case(order, book, settings)) or ""


def _case(order: OrderRequest, book: Book, settings: RiskSettings) -> Case:
    tier = tier_in(book, settings)
    found = (
        *caps(order.pair, book, tier, settings),
        *budgets(order, book, settings),
        *risk_caps(order, book, settings),
    )
    return Case(order, book, settings, tier, found)


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


def _additions(case: Case) -> str | None:
    return too_many_additions(case.order, case.book, case.settings)


def _tag_trades(case: Case) -> str | None:
    return too_many_of_tag(case.order, case.book, case.settings)


def _breaks(cap: Cap, case: Case) -> bool:
    most = cap.limit * case.book.equity * (1 + STAKE_TOLERANCE)
    return cap.held + case.order.stake * cap.weight > most


def _tightest(found: Sequence[Cap], case: Case) -> Cap:
    return min(found, key=lambda cap: cap.room(case.book.equity))


def _share_of(cap: Cap, case: Case) -> str:
    share = (cap.held + case.order.stake * cap.weight) / case.book.equity
    return f"{cap.what} would be {share:.1%} of equity, limit {cap.limit:.1%}{cap.now}"


def _capped(rule: str) -> Callable[[Case], str | None]:
    """Return the check of the caps of this name."""

    def check(case: Case) -> str | None:
        broken = [cap for cap in case.caps if cap.rule == rule and _breaks(cap, case)]
        return _share_of(broken[0], case) if broken else None

    return check


def _refused_by_condition(case: Case) -> RiskVerdict | None:
    for rule, check in CONDITIONS.items():
        if rule not in case.settings.report_only and (veto := check(case)):
            return _refused(rule, veto)
    return None


CONDITIONS: dict[str, Callable[[Case], str | None]] = {
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
    "trade_additions": _additions,
    "tag_trades": _tag_trades,
}
"""What an order has to keep whatever its stake is, in the order it is asked."""
CAPS = (
    "max_position",
    "max_exposure",
    "max_exchange_exposure",
    "max_meme_position",
    "max_class",
    "max_sector",
    "trade_budget",
    "tag_budget",
    TRADE_RISK,
)
"""What a smaller stake may keep."""
RULES = {**CONDITIONS, **{rule: _capped(rule) for rule in CAPS}}
"""The rules by name, in the order they are asked. The first condition that trips gives the reason,
else the cap that leaves least room."""
