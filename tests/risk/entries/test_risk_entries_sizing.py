"""Sizing: the algebra by hand, and the properties that must hold for any figures."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.risk.entries.limits import judge
from freqpilot.risk.entries.sizing import Proposal, drawdown_factor, propose
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
# 2 × ATR is a quarter of the rate: 1000 × 2 % / 25 % = 80 before cuts.
PROPOSAL = Proposal(
    time=NOW,
    pair="BTC/USDT",
    side="long",
    rate=100.0,
    atr=12.5,
    confidence=1.0,
    leverage=1.0,
    min_stake=5.0,
    max_stake=900.0,
)


def in_drawdown(book: Book, drawdown: float) -> Book:
    """The same equity below a higher peak."""
    return replace(book, peak=book.equity / (1 - drawdown))


def test_volatility_target() -> None:
    verdict = propose(PROPOSAL, BOOK, SETTINGS)
    assert verdict.allowed
    assert verdict.stake == pytest.approx(80)
    assert verdict.cuts == ()
    assert verdict.stop == pytest.approx(90)  # the hard stop is nearer than 2 × ATR


def test_leverage_does_not_raise_the_risk() -> None:
    rich = replace(BOOK, equity=3000, peak=3000, start=3000, day_start=3000, week_start=3000)
    stakes = [
        propose(replace(PROPOSAL, leverage=leverage), rich, SETTINGS).stake
        for leverage in (1.0, 2.0)
    ]
    assert stakes[0] * 1 == pytest.approx(stakes[1] * 2)


# changed proposal, changed book, stake, rules that cut
TABLE: list[tuple[dict[str, Any], dict[str, Any], float, list[str]]] = [
    ({"confidence": 0.8}, {}, 64, ["confidence"]),
    ({"confidence": 0.3}, {}, 40, ["confidence"]),
    ({}, {"peak": 1000 / 0.9001}, 80, []),
    ({}, {"equity": 900, "day_start": 900, "week_start": 900}, 50.4, ["drawdown"]),
    ({}, {"peak": 1000 / 0.8501}, 56, ["drawdown"]),
    ({}, {"equity": 850, "day_start": 850, "week_start": 850}, 34, ["drawdown"]),
    ({}, {"peak": 1000 / 0.89}, 56, ["drawdown"]),
    ({}, {"peak": 1000 / 0.84}, 40, ["drawdown"]),
    ({"confidence": 0.8}, {"peak": 1000 / 0.84}, 32, ["confidence", "drawdown"]),
    ({"atr": 1.0}, {}, 150, ["max_position"]),
    ({"atr": 1.0, "max_stake": 70.0}, {}, 70, ["max_position", "max_stake"]),
    ({"free": 30.0}, {}, 30, ["free"]),
    ({}, {"positions": (Position("ETH/USDT", "long", 450, 450),)}, 50, ["max_exposure"]),
    ({}, {"positions": (Position("BTC/USDT", "long", 100, 100),)}, 50, ["max_position"]),
]


@pytest.mark.parametrize(("proposal", "book", "stake", "rules"), TABLE)
def test_cuts(
    proposal: dict[str, Any], book: dict[str, Any], stake: float, rules: list[str]
) -> None:
    verdict = propose(replace(PROPOSAL, **proposal), replace(BOOK, **book), SETTINGS)
    assert verdict.allowed, verdict.veto
    assert verdict.stake == pytest.approx(stake)
    assert [cut.rule for cut in verdict.cuts] == rules
    assert [cut.stake for cut in verdict.cuts] == sorted(
        [cut.stake for cut in verdict.cuts], reverse=True
    )


# changed proposal, changed book, what the veto says
VETOES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"min_stake": 80.1}, {}, "below the exchange's minimum"),
    ({}, {"positions": tuple(Position(f"{i}", "long", 1, 1) for i in range(3))}, "3 trades"),
    ({}, {"positions": (Position("ETH/USDT", "long", 500, 500),)}, "max_exposure"),
    ({}, {"halted": "by a person"}, "by a person"),
    ({}, {"day_start": 1060.0}, "daily loss"),
    ({}, {"peak": 1250.0}, "drawdown"),
    ({"leverage": 2.0}, {}, "leverage"),
    ({"max_stake": 0.0}, {}, "max_stake"),
    ({"max_stake": -3.0}, {}, "max_stake"),
    ({"confidence": 1.1}, {}, "confidence"),
    ({"atr": 1e-320, "rate": 1e10}, {}, "gives no stake"),
]


@pytest.mark.parametrize(("proposal", "book", "text"), VETOES)
def test_vetoes(proposal: dict[str, Any], book: dict[str, Any], text: str) -> None:
    verdict = propose(replace(PROPOSAL, **proposal), replace(BOOK, **book), SETTINGS)
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert text in str(verdict.veto)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize(
    "field", ["rate", "atr", "confidence", "leverage", "min_stake", "max_stake"]
)
def test_unsound_figure_means_no_entry(field: str, value: Any) -> None:
    verdict = propose(replace(PROPOSAL, **{field: value}), BOOK, SETTINGS)
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert field in str(verdict.veto)


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("field", ["rate", "atr", "confidence", "leverage"])
def test_no_positive_figure_means_no_entry(field: str, value: float) -> None:
    assert propose(replace(PROPOSAL, **{field: value}), BOOK, SETTINGS).stake == 0


def test_half_never_sizes_more_than_cut() -> None:
    odd = RiskSettings(drawdown_cut_factor=0.3, drawdown_half_factor=0.9)
    assert drawdown_factor(0.16, odd) == drawdown_factor(0.12, odd) == 0.3


PROPOSAL_FIGURES = ("rate", "atr", "confidence", "leverage", "min_stake", "max_stake", "free")
BOOK_FIGURES = ("equity", "peak", "start", "day_start", "week_start")

amounts = st.floats(min_value=0.0, max_value=5_000)
proposals = st.builds(
    Proposal,
    time=st.just(NOW),
    pair=st.sampled_from(["BTC/USDT", "ETH/USDT"]),
    side=st.sampled_from(["long", "short"]),
    rate=st.floats(min_value=1e-6, max_value=1e6),
    atr=st.floats(min_value=1e-9, max_value=1e6),
    confidence=st.floats(min_value=0.01, max_value=1),
    leverage=st.floats(min_value=1, max_value=4),
    min_stake=st.floats(min_value=0, max_value=50),
    max_stake=amounts,
)
books = st.builds(
    lambda equity, drawdown, day, week, start, stakes: Book(
        stamp=NOW,
        equity=equity,
        peak=equity / (1 - drawdown),
        day_start=equity * day,
        week_start=equity * week,
        start=equity * start,
        positions=tuple(
            Position(pair, "long", equity * share, equity * share) for pair, share in stakes
        ),
    ),
    equity=st.floats(min_value=1, max_value=50_000),
    drawdown=st.floats(min_value=0, max_value=0.25),
    day=st.floats(min_value=0.9, max_value=1.06),
    week=st.floats(min_value=0.9, max_value=1.12),
    start=st.floats(min_value=0.5, max_value=1.26),
    stakes=st.lists(
        st.tuples(
            st.sampled_from(["BTC/USDT", "SOL/USDT", "XRP/USDT"]),
            st.floats(min_value=0, max_value=0.3),
        ),
        max_size=4,
    ),
)


@settings(max_examples=300, deadline=None)
@given(proposal=proposals, book=books)
def test_stake_is_within_every_cap_and_passes_the_gate(proposal: Proposal, book: Book) -> None:
    verdict = propose(proposal, book, SETTINGS)
    assert verdict.stake >= 0
    if not verdict.allowed:
        assert verdict.stake == 0
        assert verdict.veto
        return
    assert proposal.min_stake <= verdict.stake <= proposal.max_stake
    assert all(verdict.stake <= cut.stake for cut in verdict.cuts)
    order = OrderRequest(
        time=proposal.time,
        pair=proposal.pair,
        side=proposal.side,
        purpose="entry",
        stake=verdict.stake,
        rate=proposal.rate,
        leverage=verdict.leverage,
    )
    assert judge(order, book, SETTINGS).allowed


@settings(max_examples=200, deadline=None)
@given(
    proposal=proposals,
    book=books,
    drawdowns=st.tuples(st.floats(0, 0.25), st.floats(0, 0.25)),
    confidences=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
)
def test_stake_falls_with_drawdown_and_rises_with_confidence(
    proposal: Proposal,
    book: Book,
    drawdowns: tuple[float, float],
    confidences: tuple[float, float],
) -> None:
    free = replace(proposal, min_stake=0.0)
    shallow, deep = (
        propose(free, in_drawdown(book, drawdown), SETTINGS).stake for drawdown in sorted(drawdowns)
    )
    assert deep <= shallow
    unsure, sure = (
        propose(replace(free, confidence=confidence), book, SETTINGS).stake
        for confidence in sorted(confidences)
    )
    assert unsure <= sure


@settings(max_examples=150, deadline=None)
@given(
    proposal=proposals,
    book=books,
    field=st.sampled_from([*PROPOSAL_FIGURES, *BOOK_FIGURES]),
    value=st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_nothing_unsound_ever_enters(
    proposal: Proposal, book: Book, field: str, value: float
) -> None:
    if hasattr(proposal, field):
        proposal = replace(proposal, **{field: value})
    else:
        book = replace(book, **{field: value})
    assert propose(proposal, book, SETTINGS).stake == 0
