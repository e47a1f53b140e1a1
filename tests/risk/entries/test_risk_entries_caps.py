"""What bounds a stake."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries.caps import caps, stake_in
from freqpilot.risk.entries.limits import CAPS, CONDITIONS, RULES, fit, judge, reason, reported
from freqpilot.risk.entries.traderisk import risk_caps
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
ORDER = OrderRequest(
    time=NOW, pair="BTC/USDT", side="long", purpose="entry", stake=900, rate=50_000
)


def held(pair: str, stake: float) -> Position:
    return Position(pair, "long", stake, stake)


def test_the_room_is_what_the_limit_leaves_beside_what_is_held() -> None:
    book = replace(BOOK, positions=(held("BTC/USDT", 40), held("ETH/USDT", 100)))
    rooms = {
        cap.rule: cap.room(1000)
        for cap in caps("BTC/USDT", book, tier_in(book, SETTINGS), SETTINGS)
    }
    assert rooms["max_position"] == pytest.approx(110)
    assert rooms["max_exposure"] == pytest.approx(360)
    assert rooms["max_exchange_exposure"] == pytest.approx(360)
    assert rooms["max_class"] == pytest.approx(360)
    assert stake_in("BTC/USDT", book) == 40


def test_each_rule_is_a_condition_or_a_cap() -> None:
    assert [*RULES] == [*CONDITIONS, *CAPS]
    named = {cap.rule for cap in caps("DOGE/USDT", BOOK, tier_in(BOOK, SETTINGS), SETTINGS)}
    by_stop = {cap.rule for cap in risk_caps(replace(ORDER, stop_distance=0.1), BOOK, SETTINGS)}
    off = {"trade_budget", "tag_budget"}  # by default
    assert named | by_stop == set(CAPS) - off


@pytest.mark.parametrize(
    ("pair", "positions", "stake", "rule"),
    [
        ("BTC/USDT", (), 150.0, "max_position"),
        ("BTC/USDT", (held("BTC/USDT", 40),), 110.0, "max_position"),
        ("LTC/USDT", (held("ETH/USDT", 300), held("XRP/USDT", 130)), 70.0, "max_exposure"),
        ("DOGE/USDT", (), 20.0, "max_meme_position"),
    ],
)
def test_a_stake_is_cut_to_the_tightest_cap(
    pair: str, positions: tuple[Position, ...], stake: float, rule: str
) -> None:
    verdict = fit(replace(ORDER, pair=pair), replace(BOOK, positions=positions), SETTINGS)
    assert verdict.allowed
    assert verdict.stake == pytest.approx(stake)
    assert [cut.rule for cut in verdict.cuts] == [rule]


def test_a_stake_within_the_caps_stays_as_it_is() -> None:
    verdict = fit(replace(ORDER, stake=150.0), BOOK, SETTINGS)
    assert (verdict.allowed, verdict.stake, verdict.cuts) == (True, 150.0, ())


@pytest.mark.parametrize(
    ("book", "rule"),
    [
        (replace(BOOK, halted="drawdown"), "halted"),
        (replace(BOOK, positions=(held("BTC/USDT", 150),)), "max_position"),
        (replace(BOOK, equity=float("nan")), "figures"),
        (
            replace(BOOK, positions=tuple(held(f"C{n}/USDT", 1) for n in range(3))),
            "max_open_trades",
        ),
    ],
)
def test_what_no_smaller_stake_would_keep_refuses(book: Book, rule: str) -> None:
    verdict = fit(ORDER, book, SETTINGS)
    assert (verdict.allowed, verdict.stake) == (False, 0.0)
    assert [cut.rule for cut in verdict.cuts] == [rule]


def test_the_reason_is_that_of_the_stake_as_it_was_asked_for() -> None:
    text = "the position in BTC/USDT would be 90.0% of equity, limit 15.0% now in tier Foundation"
    assert reason("max_position", ORDER, BOOK, SETTINGS) == text
    assert reason("max_position", replace(ORDER, stake=1.0), BOOK, SETTINGS) == ""


money = st.floats(0, 500)
coins = st.sampled_from(["BTC", "ETH", "LTC", "UNI", "DOGE", "PEPE", "XYZ"])
books = st.lists(st.tuples(coins, money), max_size=3)


@given(coins, st.floats(0.01, 1e6), books, st.floats(1, 1e5), st.floats(0, 0.19))
def test_what_is_cut_passes_and_is_never_raised(
    coin: str, stake: float, positions: list[tuple[str, float]], equity: float, fall: float
) -> None:
    book = replace(
        BOOK,
        equity=equity,
        peak=equity / (1 - fall),
        start=equity,
        day_start=equity,
        week_start=equity,
        positions=tuple(held(f"{name}/USDT", money) for name, money in positions),
    )
    order = replace(ORDER, pair=f"{coin}/USDT", stake=stake)
    verdict = fit(order, book, SETTINGS)
    assert verdict.stake <= stake
    if verdict.allowed and verdict.stake > 0:
        assert judge(replace(order, stake=verdict.stake), book, SETTINGS).allowed
    # What passes as it stands is not cut.
    if judge(order, book, SETTINGS).allowed:
        assert verdict.stake == stake


REPORTED = RiskSettings(report_only=("max_position", "max_open_trades"))


def test_what_is_only_reported_neither_cuts_nor_refuses() -> None:
    full = replace(BOOK, positions=(held("A/USDT", 1),) * 3)
    order = replace(ORDER, stake=160.0)
    assert judge(order, full, REPORTED).allowed
    verdict = fit(order, full, REPORTED)
    assert (verdict.allowed, verdict.stake, verdict.cuts) == (True, 160.0, ())
    assert [(cut.rule, cut.stake) for cut in reported(order, full, REPORTED)] == [
        ("max_open_trades", 0.0),
        ("max_position", 150.0),
    ]


def test_what_is_kept_is_not_reported() -> None:
    assert reported(replace(ORDER, stake=150.0), BOOK, REPORTED) == []
    assert reported(ORDER, BOOK, SETTINGS) == []
    assert reported(replace(ORDER, stake=float("nan")), BOOK, REPORTED) == []


def test_the_other_limits_hold() -> None:
    order = replace(ORDER, stake=600.0)
    assert fit(order, BOOK, REPORTED).stake == pytest.approx(400.0)  # of the class BTC
    assert not judge(order, BOOK, REPORTED).allowed


def test_of_several_caps_the_tightest_gives_the_reason() -> None:
    book = replace(BOOK, positions=(held("ETH/USDT", 300), held("XRP/USDT", 150)))
    verdict = judge(replace(ORDER, stake=300.0), book, SETTINGS)
    assert [cut.rule for cut in verdict.cuts] == ["max_exposure"]
    assert "exposure would be 75.0% of equity, limit 50.0%" in str(verdict.veto)
