"""Each rule of the gate: one row that trips it and one that just does not."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from freqpilot.risk.account.tiers import tier_of
from freqpilot.risk.entries.limits import RULES, judge
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
ORDER = OrderRequest(
    time=NOW, pair="BTC/USDT", side="long", purpose="entry", stake=100, rate=50_000
)


def positions(*stakes: float, pair: str | None = None) -> tuple[Position, ...]:
    return tuple(
        Position(pair or f"COIN{number}/USDT", "long", stake, stake)
        for number, stake in enumerate(stakes)
    )


BUDGETS = {"trade_budget", "trade_additions", "tag_budget", "tag_trades"}

# rule, order, book that trips it, order, book that just does not
ROWS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "stamp",
        {"time": NOW + timedelta(seconds=121)},
        {},
        {"time": NOW + timedelta(seconds=120)},
        {},
    ),
    ("stamp", {"time": NOW - timedelta(seconds=1)}, {}, {"time": NOW}, {}),
    ("stake_rate", {}, {"usd": None}, {}, {"usd": 1e-9}),
    ("stake_rate", {}, {"usd": 0.0}, {"leverage": 2, "stake": 80}, {"usd": 2.0}),
    ("stake_rate", {}, {"usd": math.nan}, {}, {"usd": 1.0}),
    ("halted", {}, {"halted": "drawdown"}, {}, {"halted": None}),
    ("daily_loss", {}, {"equity": 950}, {}, {"equity": 950.01}),
    (
        "weekly_loss",
        {},
        {"equity": 900, "day_start": 900},
        {},
        {"equity": 900.01, "day_start": 901},
    ),
    (
        "total_loss",
        {},
        {"equity": 800, "peak": 800, "day_start": 800, "week_start": 800},
        {},
        {"equity": 800.01, "peak": 801, "day_start": 801, "week_start": 801},
    ),
    (
        "drawdown_halt",
        {"stake": 75},
        {"peak": 1250},
        {"stake": 75},
        {"peak": 1249.99},
    ),
    ("wait", {}, {"wait": "a person has to look"}, {}, {"wait": None}),
    (
        "trade_risk",
        {"stake": 100.01, "stop_distance": 0.5},
        {},
        {"stake": 100, "stop_distance": 0.5},
        {},
    ),
    ("max_position", {"stake": 105.01}, {"peak": 1111.2}, {"stake": 105}, {"peak": 1111.2}),
    (
        "max_position",
        {"stake": 37.51},
        {"factors": (("restore", 0.25), ("win_rate", 1.2))},
        {"stake": 37.5},
        {"factors": (("restore", 0.25), ("win_rate", 1.2))},
    ),
    ("max_open_trades", {}, {"positions": positions(1, 1, 1)}, {}, {"positions": positions(1, 1)}),
    (
        "max_open_trades",
        {},
        {"positions": positions(1, 1, 1)},
        {"purpose": "replace"},
        {"positions": positions(1, 1, 1)},
    ),
    (
        "max_open_trades",
        {},
        {"positions": positions(1, 1, 1)},
        {"purpose": "add"},
        {"positions": positions(1, 1, 1)},
    ),
    ("max_leverage", {"leverage": 1.1}, {}, {"leverage": 1.0}, {}),
    ("max_leverage", {"leverage": 0.5}, {}, {"leverage": 1.0}, {}),
    ("max_position", {"stake": 150.1}, {}, {"stake": 150}, {}),
    (
        "max_position",
        {"purpose": "add", "stake": 60.1},
        {"positions": positions(90, pair="BTC/USDT")},
        {"purpose": "add", "stake": 60},
        {"positions": positions(90, pair="BTC/USDT")},
    ),
    (
        "max_exposure",
        {"stake": 100.1},
        {"positions": positions(200, 200)},
        {"stake": 100},
        {"positions": positions(200, 200)},
    ),
    (
        "max_class",
        {"stake": 100.1},
        {"positions": positions(300, pair="BTC/USDT:USDT")},
        {"stake": 100},
        {"positions": positions(300, pair="BTC/BUSD")},
    ),
    (
        "max_class",
        {"pair": "NEWCOIN/USDT", "stake": 50.1},
        {"positions": positions(150)},
        {"pair": "NEWCOIN/USDT", "stake": 50},
        {"positions": positions(150)},
    ),
    (
        "max_class",
        {"pair": "PEPE/USDT", "stake": 10.1},
        {"positions": positions(40, pair="DOGE/USDT")},
        {"pair": "PEPE/USDT", "stake": 10},
        {"positions": positions(40, pair="DOGE/USDT")},
    ),
    (
        "max_class",
        {"pair": "PEPE/USDT", "stake": 1},
        {"peak": 1000 / 0.85},
        {"pair": "PEPE/USDT", "stake": 1},
        {"peak": 1000 / 0.8501},
    ),
    (
        "max_meme_position",
        {"pair": "1000PEPE/USDT:USDT", "stake": 10.1},
        {"positions": positions(10, pair="PEPE/USDT")},
        {"pair": "1000PEPE/USDT:USDT", "stake": 10},
        {"positions": positions(10, pair="PEPE/USDT")},
    ),
    (
        "max_sector",
        {"pair": "SOL/USDT", "stake": 100.1},
        {"positions": positions(200, pair="ETH/USDT")},
        {"pair": "SOL/USDT", "stake": 100},
        {"positions": positions(200, pair="ETH/USDT")},
    ),
]


@pytest.mark.parametrize(
    ("rule", "bad_order", "bad_book", "good_order", "good_book"),
    ROWS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(ROWS)],
)
def test_rule_trips_at_its_limit(
    rule: str,
    bad_order: dict[str, Any],
    bad_book: dict[str, Any],
    good_order: dict[str, Any],
    good_book: dict[str, Any],
) -> None:
    refused = judge(replace(ORDER, **bad_order), replace(BOOK, **bad_book), SETTINGS)
    assert (refused.allowed, refused.stake) == (False, 0.0)
    assert [cut.rule for cut in refused.cuts] == [rule]
    assert refused.veto
    order = replace(ORDER, **good_order)
    allowed = judge(order, replace(BOOK, **good_book), SETTINGS)
    assert allowed.allowed, allowed.veto
    assert (allowed.stake, allowed.veto, allowed.cuts) == (order.stake, None, ())


def test_every_rule_has_a_row() -> None:
    # By default max_exposure trips before max_exchange_exposure, which has a test of its own, and
    # budgets are off (test_risk_entries_budgets.py).
    elsewhere = {"max_exchange_exposure", *BUDGETS}
    assert {row[0] for row in ROWS} | elsewhere == set(RULES)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, -1.0, 0.0, "100", True])
@pytest.mark.parametrize("field", ["stake", "rate", "leverage", "stop_distance"])
def test_unsound_order_figure_refuses(field: str, value: Any) -> None:
    if (field, value) == ("stop_distance", None):
        return  # the strategy is sized by its own stop
    verdict = judge(replace(ORDER, **{field: value}), BOOK, SETTINGS)
    assert not verdict.allowed
    assert field.replace("_", " ") in str(verdict.veto)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, -1.0, 0.0])
@pytest.mark.parametrize("field", ["equity", "peak", "start", "day_start", "week_start"])
def test_unsound_account_figure_refuses(field: str, value: Any) -> None:
    verdict = judge(ORDER, replace(BOOK, **{field: value}), SETTINGS)
    assert not verdict.allowed
    assert field in str(verdict.veto)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, -1.0])
@pytest.mark.parametrize("field", ["stake", "value"])
def test_unsound_position_refuses(field: str, value: Any) -> None:
    position = replace(Position("ETH/USDT", "long", 1.0, 1.0), **{field: value})
    verdict = judge(ORDER, replace(BOOK, positions=(position,)), SETTINGS)
    assert not verdict.allowed
    assert "ETH/USDT" in str(verdict.veto)


@pytest.mark.parametrize(
    "fields",
    [
        {"side": "buy"},
        {"purpose": "exit"},
        {"pair": ""},
        {"time": NOW.replace(tzinfo=None)},
        {"time": None},
    ],
)
def test_unsound_order_refuses(fields: dict[str, Any]) -> None:
    assert not judge(replace(ORDER, **fields), BOOK, SETTINGS).allowed


@pytest.mark.parametrize("stamp", [None, NOW.replace(tzinfo=None)])
def test_unknown_stamp_refuses(stamp: Any) -> None:
    assert not judge(ORDER, replace(BOOK, stamp=stamp), SETTINGS).allowed


def test_veto_names_the_figures() -> None:
    book = replace(BOOK, positions=positions(220, 211))
    assert judge(ORDER, book, SETTINGS).veto == "exposure would be 53.1% of equity, limit 50.0%"


def test_rounding_to_the_exchange_is_no_breach() -> None:
    assert judge(replace(ORDER, stake=150 * (1 + 5e-7)), BOOK, SETTINGS).allowed
    assert not judge(replace(ORDER, stake=150 * (1 + 2e-6)), BOOK, SETTINGS).allowed


@pytest.mark.parametrize(
    ("equity", "name"),
    [
        (0.01, "Foundation"),
        (1999.99, "Foundation"),
        (2000, "Growth"),
        (4999.99, "Growth"),
        (5000, "Acceleration"),
        (10_000, "Sustained"),
        (1e9, "Sustained"),
        (math.nan, "Foundation"),
    ],
)
def test_tier_by_equity(equity: float, name: str) -> None:
    assert tier_of(equity, SETTINGS).name == name


@pytest.mark.parametrize(
    ("own", "exchange", "theirs", "allowed"),
    [
        ("binance", "binance", 400.0, True),
        ("binance", "binance", 400.1, False),
        ("binance", "kraken", 400.1, True),
        ("binance", "", 400.1, False),  # where it is is not known
        ("", "kraken", 400.1, False),
    ],
)
def test_exposure_on_one_exchange(own: str, exchange: str, theirs: float, allowed: bool) -> None:
    now = datetime(2024, 3, 6, 12, tzinfo=UTC)
    other = Position("OP/USDT", "long", theirs, theirs, exchange=exchange)
    book = Book(now, 1000, 1000, 1000, 1000, 1000, others=(other,), exchange=own)
    request = OrderRequest(now, "LTC/USDT", "long", "entry", 100.0, 1.0)
    settings = RiskSettings(max_exposure=1.0)
    verdict = judge(request, book, settings)
    assert verdict.allowed is allowed
    assert allowed or verdict.cuts[0].rule == "max_exchange_exposure"
