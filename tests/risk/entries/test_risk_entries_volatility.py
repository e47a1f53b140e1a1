"""What volatility does to sizes and stops."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from freqpilot.risk.entries.sizing import Proposal, propose
from freqpilot.risk.entries.volatility import (
    UNSCALED,
    Scaling,
    larger_cut,
    scaling,
    sized,
    with_regime,
    with_stop,
)
from freqpilot.risk.exits.stops import initial_stop
from freqpilot.settings import RiskSettings, VolatilitySettings
from freqpilot.shapes import Book

RISK = RiskSettings()
SETTINGS = RISK.volatility
NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
BOOK = Book(NOW, 1_000.0, 1_000.0, 1_000.0, 1_000.0, 1_000.0)

# ratio, day, adx, the trend is with the entry → size, stop
TABLE = [
    (1.0, 0.03, 0.5, True, 1.0, 1.0),
    (1.3, 0.03, 0.5, True, 1.0, 1.0),
    (1.31, 0.03, 0.5, True, 0.5, 1.5),
    (2.0, 0.03, 0.5, True, 0.5, 1.5),
    (2.01, 0.03, 0.5, True, 0.25, 2.0),
    (0.5, 0.03, 0.5, True, 1.0, 1.0),
    (0.49, 0.03, 0.5, True, 1.15, 0.75),
    (0.49, 0.03, 0.25, True, 1.15, 0.75),
    (0.49, 0.03, 0.24, True, 1.0, 0.75),
    (0.49, 0.03, 0.5, False, 1.0, 0.75),
    (1.0, 0.0999, 0.5, True, 1.0, 1.0),
    (1.0, 0.10, 0.5, True, 0.6, 1.0),
    (1.5, 0.10, 0.5, True, 0.5, 1.5),
    (0.4, 0.10, 0.5, True, 0.6, 0.75),
]


@pytest.mark.parametrize(("ratio", "day", "adx", "trends", "size", "stop"), TABLE)
def test_scaling(
    ratio: float, day: float, adx: float, trends: bool, size: float, stop: float
) -> None:
    assert scaling(ratio, day, adx, SETTINGS, trends=trends) == Scaling(size, stop)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("figure", [math.nan, math.inf, -1.0])
def test_a_figure_that_is_missing_gives_no_entry(place: int, figure: float) -> None:
    figures = [1.0, 0.03, 0.3]
    figures[place] = figure
    found = scaling(*figures, SETTINGS)
    assert math.isnan(found.size)
    verdict = propose(proposal(found), BOOK, RISK)
    assert not verdict.allowed
    assert "volatility" in str(verdict.veto)


def proposal(volatility: Scaling = UNSCALED, atr: float = 4.0) -> Proposal:
    return Proposal(
        time=NOW,
        pair="XRP/USDT",
        side="long",
        rate=100.0,
        atr=atr,
        confidence=1.0,
        leverage=1.0,
        min_stake=1.0,
        max_stake=1_000.0,
        volatility=volatility,
    )


def test_a_cut_lowers_the_stake_and_the_cap() -> None:
    normal = propose(proposal(), BOOK, RISK)
    assert normal.stake == pytest.approx(150.0), "the tier's cap"
    cut = propose(proposal(Scaling(0.5, 1.5)), BOOK, RISK)
    assert cut.stake == pytest.approx(75.0)
    assert "volatility" in [each.rule for each in cut.cuts]
    wide = propose(proposal(Scaling(0.25, 2.0), atr=20.0), BOOK, RISK)
    assert wide.stake == pytest.approx(0.25 * 1_000 * 0.02 / (2 * 2 * 0.20))


def test_a_rise_never_passes_the_tiers_cap() -> None:
    assert propose(proposal(Scaling(1.15, 0.75)), BOOK, RISK).stake == pytest.approx(150.0)
    below = propose(proposal(Scaling(1.15, 1.0), atr=20.0), BOOK, RISK).stake
    assert below == pytest.approx(1.15 * propose(proposal(atr=20.0), BOOK, RISK).stake)


def test_the_stop_is_as_far_as_the_size_counted_with() -> None:
    wide = with_stop(RISK, 1.5)
    assert initial_stop("long", 100.0, 2.0, math.nan, wide) == pytest.approx(94.0)
    assert initial_stop("short", 100.0, 2.0, math.nan, wide) == pytest.approx(106.0)
    verdict = propose(proposal(Scaling(0.5, 1.5), atr=2.0), BOOK, RISK)
    assert verdict.stop == pytest.approx(94.0)
    assert initial_stop("long", 100.0, 4.0, math.nan, with_stop(RISK, 2.0)) == 90.0, "hard stop"


@given(st.lists(st.floats(0.05, 2.0), min_size=1, max_size=5))
def test_one_cause_cuts_once(factors: list[float]) -> None:
    found = larger_cut(*factors)
    assert found in factors
    assert (found == min(factors)) if min(factors) < 1 else (found == max(factors))
    assert larger_cut(*reversed(factors)) == found
    assert math.isnan(larger_cut(*factors, math.nan))


@given(st.floats(0, 5), st.floats(0, 1), st.floats(0, 1), st.booleans(), st.floats(0.1, 30))
def test_more_risk_is_never_taken(
    ratio: float, day: float, adx: float, trends: bool, atr: float
) -> None:
    """The loss at the stop is the risk a trade times the size's factor, at most; the cap holds."""
    found = scaling(ratio, day, adx, SETTINGS, trends=trends)
    verdict = propose(proposal(found, atr), BOOK, RISK)
    assert verdict.allowed
    loss = verdict.stake * (100.0 - verdict.stop) / 100.0
    assert loss <= 20.0 * found.size * (1 + 1e-9)
    assert verdict.stake <= 150.0 * min(1.0, found.size) * (1 + 1e-9)


def test_switched_off_it_changes_nothing() -> None:
    off = VolatilitySettings(enabled=False)
    assert scaling(math.nan, math.nan, math.nan, off) == Scaling()
    assert sized(BOOK, 1.0) is BOOK
    assert with_stop(RISK, 1.0) is RISK
    assert with_stop(RISK, math.nan) is RISK


def test_steps_have_to_rise() -> None:
    step = SETTINGS.steps[0]
    with pytest.raises(ValidationError, match="rise"):
        VolatilitySettings(steps=(step, step))


@pytest.mark.parametrize(
    ("size", "stop", "expected"),
    [
        (0.7, 1.5, Scaling(0.5, 2.0)),  # the larger cut, the wider stop: not multiplied
        (0.3, 2.5, Scaling(0.3, 2.5)),
        (1.0, 1.0, Scaling(0.5, 2.0)),
    ],
)
def test_a_regime_and_the_volatility_are_not_multiplied(
    size: float, stop: float, expected: Scaling
) -> None:
    assert with_regime(Scaling(0.5, 2.0), size, stop) == expected


def test_a_regime_without_a_stop_of_its_own_leaves_the_tighter_one() -> None:
    assert with_regime(Scaling(1.0, 0.75), 0.7, 1.0) == Scaling(0.7, 0.75)
    assert with_regime(Scaling(1.15, 0.75), 0.7, 1.5) == Scaling(0.7, 1.5)


@pytest.mark.parametrize("bad", [(math.nan, 1.0), (1.0, math.nan)])
def test_a_regime_that_lacks_a_figure_is_not_known(bad: tuple[float, float]) -> None:
    found = with_regime(Scaling(), *bad)
    assert math.isnan(found.size) or math.isnan(found.stop)
    found = with_regime(Scaling(math.nan, math.nan), 0.5, 1.5)
    assert math.isnan(found.size)
    assert math.isnan(found.stop)


def test_without_a_word_there_is_no_trend() -> None:
    assert scaling(0.4, 0.03, 0.5, SETTINGS) == Scaling(1.0, 0.75)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((), 1.0),
        ((1.0, 1.2), 1.2),
        ((1.2, 1.5), 1.5),  # the largest rise
        ((1.2, 0.9, 0.8), 0.8),  # the largest cut
    ],
)
def test_of_one_cause_one_factor(factors: tuple[float, ...], expected: float) -> None:
    assert larger_cut(*factors) == expected


@pytest.mark.parametrize("size", [0.0, -0.5, 1.01, 1.5])
def test_a_regime_that_enlarges_or_forbids_a_size_is_not_known(size: float) -> None:
    assert math.isnan(with_regime(Scaling(), size, 1.0).size)
    assert with_regime(Scaling(), size, 1.5).stop == 1.5


@pytest.mark.parametrize("stop", [1.0, 1.5])
def test_a_stop_that_is_not_known_stays_so(stop: float) -> None:
    found = with_regime(Scaling(0.5, math.nan), 0.7, stop)
    assert found.size == 0.5
    assert math.isnan(found.stop)


@pytest.mark.parametrize(
    ("stop", "multiple"), [(0.5, 0.5), (1e-3, 1e-3), (0.0, 1.0), (-0.5, 1.0), (math.inf, 1.0)]
)
def test_a_stop_needs_a_factor_above_nothing(stop: float, multiple: float) -> None:
    expected = pytest.approx(multiple * RISK.stop_atr_multiple)
    assert with_stop(RISK, stop).stop_atr_multiple == expected
