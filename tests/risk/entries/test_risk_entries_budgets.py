"""Budgets of a whole trade, of an entry tag and of a group of them."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from freqpilot.risk.entries.budgets import loss_share, matches, worst_loss
from freqpilot.risk.entries.limits import fit, judge, reported
from freqpilot.settings import RiskSettings, TagBudget, Tier
from freqpilot.shapes import Book, OrderPurpose, OrderRequest, Position, Side

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
ORDER = OrderRequest(NOW, "LTC/USDT", "long", "entry", 900.0, 100.0, tag="dip")
WIDE: dict[str, Any] = {
    "tiers": [
        Tier(
            name="wide",
            equity_from=0,
            risk_per_trade=1,
            max_position=1,
            max_open_trades=99,
            max_leverage=20,
        )
    ],
    "max_exposure": 1.0,
    "max_exchange_exposure": 1.0,
    "report_only": ("max_class", "max_sector", "max_meme_position"),
}


def limited(**more: Any) -> RiskSettings:
    return RiskSettings(**{**WIDE, **more})


def held(pair: str, stake: float, **more: Any) -> Position:
    return Position(pair, "long", stake, stake, **{"rate": 100.0, **more})


def outcome(order: OrderRequest, book: Book, settings: RiskSettings) -> tuple[str, float]:
    """Return the rule that cut or refused, and what is left."""
    verdict = fit(order, book, settings)
    return (verdict.cuts[-1].rule if verdict.cuts else ""), round(verdict.stake, 6)


MINE = held("LTC/USDT", 60.0, tag="dip", risk_stop=50.0, additions=1)
TAGS = {"tags": {"dips": {"tags": ["dip*"], "max_stake": 0.2, "max_trades": 2}}}

ONLY_LOSS = {
    "trade": {"max_loss": 0.1},
    "report_only": (*WIDE["report_only"], "trade_risk"),
}


@pytest.mark.parametrize(
    ("settings", "order", "positions", "rule", "stake"),
    [
        ({"trade": {"max_stake": 0.1}}, {}, (), "trade_budget", 100.0),
        ({"trade": {"max_stake": 0.1}}, {"purpose": "add"}, (MINE,), "trade_budget", 40.0),
        ({"trade": {"max_stake": 0.06}}, {"purpose": "add"}, (MINE,), "trade_budget", 0.0),
        # Without a stop all of it can be lost, with one at 80 a fifth.
        ({"trade": {"max_loss": 0.1}}, {}, (), "trade_budget", 100.0),
        ({"trade": {"max_loss": 0.1}}, {"stop": 80.0}, (), "trade_budget", 500.0),
        # A catastrophe stop bounds what a wider stop, or none, leaves open: of what is held too.
        ({**ONLY_LOSS}, {"stop_distance": 0.25}, (), "trade_budget", 400.0),
        ({**ONLY_LOSS}, {"stop": 80.0, "stop_distance": 0.25}, (), "trade_budget", 500.0),
        (
            {**ONLY_LOSS},
            {"purpose": "add", "stop_distance": 0.25},
            (replace(MINE, risk_stop=math.nan),),
            "trade_budget",
            340.0,
        ),
        # 60 paid at 100 lose 30 at 50; an addition at 75 loses a third.
        (
            {"trade": {"max_loss": 0.1}},
            {"purpose": "add", "rate": 75.0},
            (replace(MINE, value=45.0, rate=75.0),),
            "trade_budget",
            210.0,
        ),
        # A trade without a stop gives its additions none.
        (
            {"trade": {"max_loss": 0.1}},
            {"purpose": "add", "stop": 80.0},
            (replace(MINE, risk_stop=math.nan),),
            "trade_budget",
            40.0,
        ),
        # At or below the stop's price an addition loses nothing there.
        ({"trade": {"max_loss": 0.01}}, {"purpose": "add", "rate": 50.0}, (MINE,), "", 900.0),
        ({"trade": {"max_additions": 1}}, {"purpose": "add"}, (MINE,), "trade_additions", 0.0),
        ({"trade": {"max_additions": 2}}, {"purpose": "add"}, (MINE,), "", 900.0),
        ({"trade": {"max_additions": 0}}, {}, (), "", 900.0),
        (TAGS, {}, (held("ETH/USDT", 150.0, tag="dip 2"),), "tag_budget", 50.0),
        (TAGS, {"tag": "break", "stake": 700.0}, (held("A/USDT", 150.0, tag="dip"),), "", 700.0),
        (TAGS, {}, (held("A/USDT", 1.0, tag="dip"), held("B/USDT", 1.0, tag="x dip")),
         "tag_trades", 0.0),
        (TAGS, {}, (held("A/USDT", 1.0, tag="dip"), held("A/USDT", 1.0)), "tag_budget", 198.0),
        (TAGS, {"purpose": "replace"}, (MINE, held("B/USDT", 1.0, tag="dip")), "tag_budget", 139.0),
        # An addition counts to its trade's tag, whatever tag it bears itself.
        (TAGS, {"purpose": "add", "tag": "rung 1"}, (MINE,), "tag_budget", 140.0),
        (TAGS, {"purpose": "add", "tag": "dip"}, (replace(MINE, tag="break"),), "", 900.0),
    ],
)  # fmt: skip
def test_what_is_left_of_a_stake(
    settings: dict[str, Any],
    order: dict[str, Any],
    positions: tuple[Position, ...],
    rule: str,
    stake: float,
) -> None:
    asked, book = replace(ORDER, **order), replace(BOOK, positions=positions)
    assert outcome(asked, book, limited(**settings)) == (rule, stake)
    if rule:
        assert judge(asked, book, limited(**settings)).cuts[-1].rule == rule


def test_each_tag_of_a_group_may_have_a_budget_of_its_own() -> None:
    group = {"tags": ["dip*"], "max_stake": 0.2, "max_trades": 1, "each": True}
    settings = limited(tags={"dips": group})
    book = replace(BOOK, positions=(held("ETH/USDT", 150.0, tag="dip 2"),))
    assert outcome(ORDER, book, settings) == ("tag_budget", 200.0)
    assert outcome(replace(ORDER, tag="dip 2"), book, settings) == ("tag_trades", 0.0)
    again = replace(ORDER, tag="dip 2", purpose="add", pair="ETH/USDT")
    assert outcome(again, book, settings) == ("tag_budget", 50.0)


@pytest.mark.parametrize(
    ("settings", "positions", "text"),
    [
        (
            {"trade": {"max_stake": 0.5}},
            (MINE,),
            "the trade in LTC/USDT with its additions would be 96.0% of equity, limit 50.0%",
        ),
        (
            {"trade": {"max_loss": 0.1}},
            (MINE,),
            "what the trade in LTC/USDT can lose would be 48.0% of equity, limit 10.0%",
        ),
        (
            {"trade": {"max_additions": 1}},
            (MINE,),
            "the trade in LTC/USDT has 1 additions, limit 1",
        ),
        (TAGS, (MINE,), "the tags of dips would be 96.0% of equity, limit 20.0%"),
    ],
)
def test_a_refusal_names_its_figures(
    settings: dict[str, Any], positions: tuple[Position, ...], text: str
) -> None:
    asked = replace(ORDER, purpose="add")
    assert judge(asked, replace(BOOK, positions=positions), limited(**settings)).veto == text


def test_the_trades_of_a_tag_are_counted_in_words() -> None:
    book = replace(BOOK, positions=(MINE, held("B/USDT", 1.0, tag="dip")))
    verdict = judge(replace(ORDER, pair="C/USDT", stake=1.0), book, limited(**TAGS))
    assert verdict.veto == "2 trades are open of the tags of dips, limit 2"


@pytest.mark.parametrize("rule", ["trade_budget", "trade_additions", "tag_budget", "tag_trades"])
def test_a_budget_may_be_reported_alone(rule: str) -> None:
    one = {"tags": ["*"], "max_stake": 0.1, "max_trades": 1}
    budgets: dict[str, Any] = {
        "trade_budget": {"trade": {"max_stake": 0.1, "max_loss": 0.05}},
        "trade_additions": {"trade": {"max_additions": 1}},
        "tag_budget": {"tags": {"all": {**one, "max_trades": None}}},
        "tag_trades": {"tags": {"all": {**one, "max_stake": None}}},
    }
    settings = limited(**budgets[rule], report_only=(*WIDE["report_only"], rule))
    adds = rule == "trade_additions"
    purpose: OrderPurpose = "add" if adds else "entry"
    asked = replace(ORDER, purpose=purpose, pair=MINE.pair if adds else "ETH/USDT", stake=300.0)
    book = replace(BOOK, positions=(MINE,))
    assert judge(asked, book, settings).allowed
    assert fit(asked, book, settings).stake == 300.0
    left = {"trade_budget": 50.0, "tag_budget": 40.0}.get(rule, 0.0)
    assert [(cut.rule, cut.stake) for cut in reported(asked, book, settings)
            if cut.rule == rule] == [(rule, pytest.approx(left))]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "patterns", "holds"),
    [
        ("dip", ["dip"], True),
        ("dip 2", ["dip"], True),
        ("dipper", ["dip"], False),
        ("dipper", ["dip*"], True),
        ("1 41 6", ["41"], True),
        ("DIP", ["dip"], False),
        (None, ["dip"], False),
        (None, ["*"], True),
        ("two words", ["two words"], True),
    ],
)
def test_tags_are_matched_whole_and_word_by_word(
    tag: str | None, patterns: list[str], holds: bool
) -> None:
    assert matches(tag, TagBudget(tags=tuple(patterns), max_trades=1)) is holds


@pytest.mark.parametrize("wrong", [{"tags": ["a"]}, {"tags": [], "max_trades": 1}, {"tags": [""]}])
def test_a_group_bounds_something(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TagBudget(**wrong)


@pytest.mark.parametrize(
    ("side", "stop", "leverage", "share"),
    [
        ("long", 90.0, 1.0, 0.1),
        ("long", 90.0, 3.0, 0.3),
        ("long", 50.0, 3.0, 1.0),
        ("long", 110.0, 3.0, 0.0),
        ("short", 110.0, 2.0, 0.2),
        ("short", 90.0, 2.0, 0.0),
        ("long", math.nan, 1.0, 1.0),
        ("long", 0.0, 1.0, 1.0),
    ],
)
def test_what_a_position_loses_at_its_stop(
    side: Side, stop: float, leverage: float, share: float
) -> None:
    assert loss_share(side, 100.0, stop, leverage) == pytest.approx(share)
    # Paid 40 at 100; the price is 80 now.
    position = Position("LTC/USDT", side, 40.0, 32.0, stop, leverage, rate=80.0)
    assert worst_loss(position) == pytest.approx(40.0 * share)


def test_a_position_that_cannot_be_valued_can_lose_all() -> None:
    assert worst_loss(held("A/USDT", 40.0, rate=math.nan, risk_stop=90.0)) == 40.0
    assert worst_loss(replace(held("A/USDT", 40.0, risk_stop=90.0), value=0.0)) == 40.0
    assert worst_loss(held("A/USDT", 0.0)) == 0.0


LIMITS = limited(
    trade={"max_stake": 0.25, "max_loss": 0.06, "max_additions": 2},
    tags={
        "dips": {"tags": ["dip*"], "max_stake": 0.4, "max_trades": 3},
        "each": {"tags": ["*"], "max_stake": 0.3, "max_trades": 2, "each": True},
    },
)
asks = st.tuples(
    st.sampled_from("ABCDEF"),
    st.sampled_from(["dip", "dip 2", "break", None]),
    st.floats(1.0, 2000.0),
    st.floats(50.0, 150.0),  # the price of the order
    st.sampled_from([math.nan, 20.0, 45.0]),  # the stop of a new trade
)


@given(st.lists(asks, max_size=30))
def test_budgets_hold_after_every_fill(
    orders: list[tuple[str, str | None, float, float, float]],
) -> None:
    """Whatever a strategy asks for, and in whatever order."""
    trades: dict[str, Position] = {}
    for coin, tag, stake, rate, stop in orders:
        pair, own = f"{coin}/USDT", trades.get(f"{coin}/USDT")
        purpose: OrderPurpose = "add" if own else "entry"
        order = OrderRequest(NOW, pair, "long", purpose, stake, rate, tag=tag, stop=stop)
        book = replace(BOOK, positions=tuple(trades.values()))
        verdict = fit(order, book, LIMITS)
        if not verdict.allowed:
            continue
        assert judge(replace(order, stake=verdict.stake), book, LIMITS).allowed
        trades[pair] = filled(own, order, verdict.stake)
        for each in trades.values():
            assert each.stake <= 250.0 + 1e-3
            assert worst_loss(each) <= 60.0 + 1e-3
            assert each.additions <= 2
        dips = [each for each in trades.values() if each.tag in ("dip", "dip 2")]
        assert len(dips) <= 3
        assert sum(each.stake for each in dips) <= 400.0 + 1e-3
        for name in ("dip", "dip 2", "break", None):
            alike = [each for each in trades.values() if each.tag == name]
            assert len(alike) <= 2
            assert sum(each.stake for each in alike) <= 300.0 + 1e-3


def filled(own: Position | None, order: OrderRequest, stake: float) -> Position:
    """Return a trade after an order of it was filled, valued at that order's price."""
    if own is None:
        return Position(
            order.pair, "long", stake, stake, order.stop, rate=order.rate, tag=order.tag
        )
    amount = own.value / own.rate + stake / order.rate
    return replace(
        own,
        stake=own.stake + stake,
        value=amount * order.rate,
        rate=order.rate,
        additions=own.additions + 1,
    )
