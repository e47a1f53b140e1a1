"""Each scenario by hand, and the stake that just fits."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freqpilot.risk.book.stress import Line, Scenario, loss, losses, rate, room
from freqpilot.settings import BookSettings

SETTINGS = BookSettings()
LONG = Line("SOL/USDT", "top20", 1, 0.10, 1.0, 0.05, 0.04)
SHORT = Line("PEPE/USDT", "meme", -1, 0.10, 2.0, 0.10, 0.10)


def test_a_long_by_hand() -> None:
    assert losses([LONG], SETTINGS) == pytest.approx(
        {
            "crash_day": 0.10 * 0.30,
            "rally_day": 0.0,
            "flash_crash": 0.10 * 0.40,
            "correlation_one": 0.10 * 4 * 0.05,
            "exchange_outage": 0.10 * (0.04 + 3 * 0.05 * (6 / 24) ** 0.5),
            "no_liquidity": 0.10 * 0.10,
            "depeg": 0.12 * (1 - 0.10),
            "exchange_hack": 0.10 * 0.36,
            "rate_shock": 0.10 * 0.30,
        }
    )


def test_a_leveraged_short_by_hand() -> None:
    found = losses([SHORT], SETTINGS)
    assert found == pytest.approx(
        {
            "crash_day": 0.0,
            "rally_day": 0.10 * 2 * 0.40,
            "flash_crash": 0.0,
            "correlation_one": 0.10 * 2 * 4 * 0.10,
            "exchange_outage": 0.10 * 2 * (0.10 + 3 * 0.10 * 0.5),
            "no_liquidity": 0.10 * 2 * 0.40,
            "depeg": 0.12 * (1 + 0.20),
            "exchange_hack": 0.10 * 0.36,
            "rate_shock": 0.0,
        }
    )


def test_what_is_borrowed_costs_more_in_a_rate_shock() -> None:
    levered = LONG._replace(leverage=2.0)
    assert losses([levered], SETTINGS)["rate_shock"] == pytest.approx(0.10 * (2 * 0.30 + 0.02))


def test_a_hack_takes_of_a_position_whatever_its_leverage_and_never_more_than_it_is() -> None:
    assert losses([LONG._replace(leverage=5.0)], SETTINGS)["exchange_hack"] == pytest.approx(0.036)
    gone = BookSettings(exchange_hack=1.0)
    assert losses([LONG, SHORT], gone)["exchange_hack"] == pytest.approx(0.20)


@pytest.mark.parametrize(
    ("line", "settings", "name"),
    [
        (LONG._replace(kind="btc", volatility=0.001), {}, "exchange_hack"),
        (LONG._replace(kind="eth", volatility=0.001), {"exchange_hack": 0.0}, "rate_shock"),
    ],
)
def test_hack_and_rate_shock_set_the_largest_share_where_they_cost_most(
    line: Line, settings: dict[str, float], name: str
) -> None:
    share, scenario = room(line, [], 0.18, BookSettings(**settings))  # type: ignore[arg-type]
    assert scenario is not None
    assert scenario.name == name
    assert share == pytest.approx(0.18 / rate(scenario, line))


def test_an_isolated_position_loses_no_more_than_its_money() -> None:
    assert losses([SHORT._replace(leverage=10)], SETTINGS)["rally_day"] == pytest.approx(0.10)


def test_a_hedge_helps_where_all_move_as_one_and_not_when_stops_do_not_fill() -> None:
    other = LONG._replace(pair="ADA/USDT", sign=-1)
    found = losses([LONG, other], SETTINGS)
    assert found["crash_day"] == found["correlation_one"] == 0
    assert found["exchange_outage"] == losses([LONG], SETTINGS)["exchange_outage"]
    assert found["no_liquidity"] == pytest.approx(2 * losses([LONG], SETTINGS)["no_liquidity"])


def test_an_empty_book_loses_only_its_peg() -> None:
    found = losses([], SETTINGS)
    assert found.pop("depeg") == pytest.approx(0.12)
    assert set(found.values()) == {0.0}


LINES = st.builds(
    Line,
    pair=st.sampled_from(["A/USDT", "B/USDT"]),
    kind=st.sampled_from(["btc", "eth", "top20", "small", "meme"]),
    sign=st.sampled_from([1, -1]),
    share=st.floats(0.001, 0.2),
    leverage=st.floats(1, 3),
    volatility=st.floats(0.001, 0.2),
    stop=st.floats(0.001, 0.1),
)


@given(st.lists(LINES, max_size=4), LINES, st.floats(0.01, 0.3))
@example(  # the short alone is above the limit, in a direction to which the long does not add
    [Line("A/USDT", "btc", -1, 0.125, 1.0, 0.1875, 0.0625)],
    Line("A/USDT", "btc", 1, 0.125, 1.0, 0.125, 0.0625),
    0.03125,
)
def test_the_largest_share_that_fits_just_fits(book: list[Line], line: Line, limit: float) -> None:
    share, scenario = room(line, book, limit, SETTINGS)
    before = losses(book, SETTINGS)
    if scenario is None:
        assert losses([*book, line], SETTINGS) == pytest.approx(before)
    elif share <= 0:
        assert before[scenario.name] >= limit - 1e-9
    elif share < 10:
        at_the_edge = losses([*book, line._replace(share=share)], SETTINGS)
        edge = loss(scenario, [*book, line._replace(share=share)])
        assert edge == pytest.approx(limit), "in the direction that the line adds to"
        raised = [name for name in before if at_the_edge[name] > before[name] + 1e-12]
        assert all(at_the_edge[name] <= limit + 1e-9 for name in raised)


def test_a_scenario_in_which_nothing_happens_costs_nothing() -> None:
    still = Scenario("still", "nothing happens", shocks=SETTINGS.crash_day)
    assert rate(still, LONG) == rate(still, SHORT) == 0


def test_a_small_outage_is_one_too() -> None:
    small = BookSettings(outage_sigmas=1)
    assert losses([LONG], small)["exchange_outage"] == pytest.approx(0.10 * (0.04 + 0.05 * 0.5))
    assert losses([SHORT], small)["exchange_outage"] == pytest.approx(0.10 * 2 * (0.10 + 0.05))


def test_of_two_scenarios_with_as_much_room_the_first_is_named() -> None:
    share, scenario = room(
        LONG, [], 0.15, BookSettings(flash_crash=SETTINGS.crash_day, exchange_hack=0)
    )
    assert share == pytest.approx(0.5)
    assert scenario is not None
    assert scenario.name == "crash_day"
