"""How far the stop of a position is that Freqpilot gives one, and which positions get one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.orders.wayout import CATASTROPHE, NEAR_LIQUIDATION, REDUCED, WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.risk.exits.dailyrange import DAY, Bars

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 20, tzinfo=UTC)


class Days:
    """Days with a range of 4 % until 20 January, and of 8 % from then on."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None

    def __call__(self, pair: str, begin: int) -> Bars:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        first = int(MIDNIGHT.timestamp()) - 40 * DAY
        date = first + np.arange(80) * DAY
        width = np.where(date < int(MIDNIGHT.timestamp()), 2.0, 4.0)
        flat = np.full(80, 100.0)
        return Bars(date, flat + width, flat - width, flat)


@pytest.fixture
def days() -> Iterator[Days]:
    yield Days()
    end()


def ways(days: Days, strategy: Any = None, *, live: bool = False, **config: Any) -> WaysOut:
    more = {"risk": config.pop("risk", {}), "supervisor": config.pop("supervisor", True)}
    begin({"freqpilot": more, "stake_currency": "USDT"}, live=False)
    current().live = live
    made = current().part(WaysOut)
    made.begin(days, strategy or stranger(), config)
    return made


def stranger(**more: Any) -> Any:
    return SimpleNamespace(**{"stoploss": -0.99, "order_types": {}, **more})


def trade(**change: Any) -> Any:
    return SimpleNamespace(
        **{
            "id": 1,
            "pair": "BTC/USDT",
            "is_short": False,
            "open_rate": 100.0,
            "open_date_utc": NOON,
            "leverage": 1.0,
            "liquidation_price": None,
            "entry_side": "buy",
            "orders": [],
            **change,
        }
    )


def test_what_was_known_at_midnight_counts_for_the_day_from_an_hour_after_it(days: Days) -> None:
    found = ways(days)
    assert found.distance("BTC/USDT", MIDNIGHT + timedelta(minutes=59)) == pytest.approx(0.12)
    assert found.distance("BTC/USDT", NOON) == pytest.approx(0.12)
    later = MIDNIGHT + timedelta(days=1, hours=1)
    assert found.distance("BTC/USDT", later) == pytest.approx(3 * (13 * 4 + 8) / 14 / 100)
    assert days.asked == 3, "once a pair and day"


def test_the_distance_of_a_trade_stays_and_its_price_follows_what_was_paid(days: Days) -> None:
    found, held = ways(days), trade()
    assert found.stop_price(held) == pytest.approx(88.0)
    found.distance("BTC/USDT", NOON + timedelta(days=9))
    held.open_rate = 90.0
    assert found.stop_price(held) == pytest.approx(0.88 * 90)
    assert found.stop_price(trade(id=2, is_short=True)) == pytest.approx(112.0)
    reused = trade(open_date_utc=NOON + timedelta(days=30))
    assert found.share_of(reused) != found.share_of(held), "another trade under the same number"


@pytest.mark.parametrize("live", [True, False])
def test_where_candles_are_out_of_reach_there_is_a_stop_all_the_same(
    days: Days, live: bool
) -> None:
    found = ways(days, live=live)
    days.fault = ConnectionError("503")
    assert found.distance("BTC/USDT", NOON) == 0.20
    days.fault = None
    assert (found.distance("BTC/USDT", NOON) == pytest.approx(0.12)) is live, "it is asked again"


@pytest.mark.parametrize(
    ("strategy", "leverage", "distance"),
    [
        (stranger(), 1.0, 0.12),
        (stranger(stoploss=-0.05), 1.0, 0.12),
        # A stop that the strategy watches has the first turn, unless it bounds too little.
        (stranger(stoploss=-0.25), 1.0, 0.275),
        (stranger(stoploss=-0.25), 5.0, 0.12),
        (stranger(stoploss=-0.30), 1.0, 0.33),
        (stranger(stoploss=-0.31), 1.0, 0.12),
        (stranger(stoploss=-0.05, order_types={"stoploss_on_exchange": True}), 1.0, 0.05),
        (stranger(stoploss=-0.20, order_types={"stoploss_on_exchange": True}), 1.0, 0.12),
        (stranger(stoploss=-0.20, order_types={"stoploss_on_exchange": True}), 4.0, 0.05),
        (stranger(sized_by_supervisor=True), 1.0, None),
    ],
)
def test_an_order_is_sized_by_the_nearest_stop_that_rests(
    days: Days, strategy: Any, leverage: float, distance: float | None
) -> None:
    found = ways(days, strategy).order_distance("BTC/USDT", NOON, leverage)
    assert found == (None if distance is None else pytest.approx(distance))


def test_an_addition_is_sized_by_the_stop_that_its_trade_has(days: Days) -> None:
    found, held = ways(days), trade()
    later = NOON + timedelta(days=9)
    assert found.order_distance("BTC/USDT", later, 1.0) == found.distance("BTC/USDT", later)
    assert found.distance("BTC/USDT", later) > 0.13
    assert found.order_distance("BTC/USDT", later, 1.0, held) == pytest.approx(0.12)


@pytest.mark.parametrize(
    "switched_off",
    [{"supervisor": False}, {"risk": {"catastrophe_stop": {"enabled": False}}}],
)
def test_switched_off_there_is_none(days: Days, switched_off: dict[str, Any]) -> None:
    found = ways(days, **switched_off)
    assert found.stop_price(trade()) is None
    assert found.order_distance("BTC/USDT", NOON, 1.0) is None
    assert (found.of(trade()), days.asked) == ([], 0)


FUTURES = {"trading_mode": "futures", "margin_mode": "isolated"}


def test_on_futures_there_are_two_more_for_any_strategy(days: Days) -> None:
    held = trade(liquidation_price=80.0)
    found = {way.reason: way for way in ways(days, **FUTURES).of(held)}
    assert found[CATASTROPHE].price == pytest.approx(88.0)
    assert (found[REDUCED].price, found[REDUCED].share) == (pytest.approx(90.0), 0.5)
    assert (found[NEAR_LIQUIDATION].price, found[NEAR_LIQUIDATION].share) == (85.0, 1.0)
    own = ways(days, stranger(sized_by_supervisor=True), **FUTURES)
    assert {way.reason for way in own.of(held)} == {REDUCED, NEAR_LIQUIDATION}
    off = ways(days, risk={"liquidation": {"enabled": False}}, **FUTURES)
    assert {way.reason for way in off.of(held)} == {CATASTROPHE}


@pytest.mark.parametrize(
    ("margin", "liquidation", "price"),
    [("isolated", 80.0, 88.0), ("isolated", 92.0, 94.0), ("cross", 92.0, 88.0)],
)
def test_a_resting_stop_is_nearer_than_the_liquidation_where_that_stays(
    days: Days, margin: str, liquidation: float, price: float
) -> None:
    found = ways(days, trading_mode="futures", margin_mode=margin)
    assert found.stop_price(trade(liquidation_price=liquidation)) == pytest.approx(price)
