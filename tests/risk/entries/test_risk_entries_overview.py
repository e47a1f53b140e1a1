"""What holds now and what would trip next."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account.ledger import Ledger, closed, observe
from freqpilot.risk.account.record import Outcome
from freqpilot.risk.entries.overview import overview
from freqpilot.settings import RiskSettings

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()


def run(*equities: float) -> Ledger:
    state = Ledger.empty()
    for number, equity in enumerate(equities):
        state = observe(state, NOW + timedelta(hours=number), equity, SETTINGS)
    return state


def test_the_next_limit_comes_first() -> None:
    found = overview(run(1000, 1200, 1164), NOW, SETTINGS)
    first = found.gauges[0]
    assert (first.name, first.limit) == ("drawdown from the peak", 0.05)
    assert first.used == pytest.approx(0.03)
    assert first.share == pytest.approx(0.6)
    assert first.left == pytest.approx(1164 - 1140)
    assert found.factors == ()
    assert found.tier == "Foundation"


def test_a_halt_a_wait_and_every_cut_are_told() -> None:
    state = run(2000, 1690)
    for number in range(5):
        state = closed(state, Outcome(number, NOW, -1.0, -0.001), SETTINGS)
    found = overview(state, NOW + timedelta(hours=2), SETTINGS)
    assert dict(found.factors) == {"drawdown": 0.5, "streak": 0.5}
    assert "entries wait" in str(found.wait)
    assert [g.limit for g in found.gauges if "row" in g.name] == [8, 10]
    assert "drawdown of" in str(overview(run(1000, 2000, 1500), NOW, SETTINGS).halted)


@given(st.lists(st.floats(1, 10_000), min_size=1, max_size=8))
def test_what_may_be_lost_trips_the_gauge(equities: list[float]) -> None:
    state = run(*equities)
    for gauge in overview(state, NOW, SETTINGS).gauges:
        assert 0 <= gauge.share <= 1
        if gauge.left > 0:
            after = replace(state, equity=state.equity - gauge.left)
            same = [
                g
                for g in overview(after, NOW, SETTINGS).gauges
                if (g.name, g.limit) == (gauge.name, gauge.limit)
            ]
            assert same[0].share == pytest.approx(1.0)


def test_it_can_be_told_in_json() -> None:
    told = json.loads(
        json.dumps(overview(run(1000, 990), NOW, SETTINGS).to_dict(), allow_nan=False)
    )
    assert told["equity"] == 990
    assert {gauge["name"] for gauge in told["gauges"]} >= {"loss of the day"}
    assert overview(Ledger.empty(), NOW, SETTINGS).to_dict()["stamp"] is None


def test_what_the_next_tier_takes_is_told() -> None:
    found = overview(run(1000, 1900, 1710), NOW, SETTINGS)
    assert found.next == "Growth"
    needs = {need.name: (need.now, need.limit, need.met) for need in found.needs}
    assert needs["equity in US dollars"] == (1710, 2000, False)
    assert needs["trades in this tier"] == (0, 100, False)
    assert needs["worst drawdown in this tier"] == (pytest.approx(0.1), 0.25, True)
    for name in ("win rate of the last 50", "profit factor"):
        assert math.isnan(needs[name][0])
        assert not needs[name][2]
    assert overview(run(20_000), NOW, SETTINGS).next == ""


def test_a_tier_comes_when_all_that_it_takes_is_met() -> None:
    state = run(1000, 2000)
    for number in range(100):
        profit = 2.0 if number % 2 == 0 or number > 90 else -1.0
        state = closed(state, Outcome(number, NOW, profit, 0.0), SETTINGS)
    assert all(need.met for need in overview(state, NOW, SETTINGS).needs)
    assert observe(state, NOW + timedelta(days=9), 2000, SETTINGS).tier == "Growth"
