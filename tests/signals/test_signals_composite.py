"""The composite: hand-computed cases and its algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.settings import SignalSettings
from freqpilot.shapes import Composite, Signal
from freqpilot.signals.composite import combine, weight_class

NAMES = ("technical_trend", "technical_momentum", "volume_confirmation", "model_forecast")
OTHERS = [name for name in SignalSettings().weights if name not in NAMES]
QUARTERS = SignalSettings.model_validate(
    {"weights": dict.fromkeys(NAMES, 0.25) | dict.fromkeys(OTHERS, 0)}
)
values = st.floats(-1, 1)
confidences = st.floats(0, 1)
opinions = st.lists(st.tuples(values, confidences), min_size=4, max_size=4)


def signal(name: str, value: float, confidence: float) -> Signal:
    return Signal(name, np.array([value]), np.array([confidence]), ("",), np.array([0]))


def whole(
    pairs: list[tuple[float, float]],
    settings: SignalSettings = QUARTERS,
    names: tuple[str, ...] = NAMES,
) -> Composite:
    return combine([signal(n, v, c) for n, (v, c) in zip(names, pairs, strict=False)], settings)


@pytest.mark.parametrize(
    ("pairs", "value", "confidence", "coverage", "side"),
    [
        # all agree and are sure
        ([(0.8, 0.9)] * 4, 0.72, 0.9, 1.0, 1),
        ([(-0.8, 0.9)] * 4, -0.72, 0.9, 1.0, -1),
        # exactly at the threshold is not beyond it
        ([(0.5, 1.0)] * 4, 0.5, 1.0, 1.0, 0),
        # not sure enough
        ([(1.0, 0.6)] * 4, 0.6, 0.6, 1.0, 0),
        # a missing analyst is left out of both sums
        ([(0.8, 0.9), (0.8, 0.9), (0.8, 0.9), (-1.0, 0.0)], 0.72, 0.9, 0.75, 1),
        # one analyst alone covers too little
        ([(1.0, 1.0), (1.0, 0.0), (1.0, 0.0), (1.0, 0.0)], 1.0, 1.0, 0.25, 0),
        # nobody has anything to say
        ([(1.0, 0.0)] * 4, 0.0, 0.0, 0.0, 0),
        # a neutral opinion counts as 0 but keeps its confidence
        ([(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.2, 1.0)], 0.75, 1.0, 1.0, 1),
        # they disagree
        ([(1.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, 1.0)], 0.0, 1.0, 1.0, 0),
    ],
)
def test_by_hand(
    pairs: list[tuple[float, float]], value: float, confidence: float, coverage: float, side: int
) -> None:
    got = whole(pairs)
    assert got.value[0] == pytest.approx(value)
    assert got.confidence[0] == pytest.approx(confidence)
    assert got.coverage[0] == pytest.approx(coverage)
    assert got.side[0] == side


def test_weights_count() -> None:
    got = whole([(1.0, 1.0), (0.5, 1.0), (0.0, 1.0), (-1.0, 1.0)], SignalSettings())
    assert got.value[0] == pytest.approx((0.20 + 0.5 * 0.15 - 0.20) / 0.60)
    assert got.coverage[0] == pytest.approx(0.60 / 1.45)


@given(opinions)
def test_bounded_and_contributions_sum_to_the_value(pairs: list[tuple[float, float]]) -> None:
    got = whole(pairs)
    assert -1 <= got.value[0] <= 1
    assert 0 <= got.confidence[0] <= 1
    assert got.contributions.sum() == pytest.approx(got.value[0])


@given(opinions, st.integers(0, 3), st.floats(0, 1))
def test_monotone_in_each_signal(pairs: list[tuple[float, float]], place: int, rise: float) -> None:
    higher = list(pairs)
    value, confidence = higher[place]
    higher[place] = (min(1.0, value + rise), confidence)
    assert whole(higher).value[0] >= whole(pairs).value[0] - 1e-12


@given(opinions, st.permutations(range(4)))
def test_the_order_of_analysts_does_not_matter(
    pairs: list[tuple[float, float]], order: list[int]
) -> None:
    turned = whole([pairs[i] for i in order], names=tuple(NAMES[i] for i in order))
    assert turned.value[0] == whole(pairs).value[0]
    assert turned.side[0] == whole(pairs).side[0]


@given(opinions)
def test_a_figure_that_is_none_counts_as_missing(pairs: list[tuple[float, float]]) -> None:
    broken = [(float("nan"), 1.0), *pairs[1:]]
    silent = [(0.0, 0.0), *pairs[1:]]
    assert whole(broken).value[0] == whole(silent).value[0]


def test_a_class_has_weights_of_its_own() -> None:
    weights = {"meme": {"technical_trend": 0.75}}
    settings = SignalSettings.model_validate({**QUARTERS.model_dump(), "class_weights": weights})
    given = [signal(NAMES[0], 1.0, 1.0), signal(NAMES[1], -1.0, 1.0)]
    major, meme = combine(given, settings), combine(given, settings, "meme")
    assert major.value[0] == 0
    assert meme.value[0] == pytest.approx((0.75 - 0.25) / 1.0)
    assert meme.coverage[0] == pytest.approx(1.0 / 1.5)
    kinds = [weight_class(kind) for kind in ("btc", "eth", "top20", "small", "meme")]
    assert kinds == ["major", "major", "major", "alt", "meme"]


@given(opinions, st.floats(0.5, 1.5))
def test_factors_move_weights_and_not_the_coverage(
    pairs: list[tuple[float, float]], factor: float
) -> None:
    signals = [signal(n, v, c) for n, (v, c) in zip(NAMES, pairs, strict=True)]
    moved = combine(signals, QUARTERS, factors={NAMES[0]: np.array([factor])})
    weights = dict.fromkeys(NAMES, 0.25) | {NAMES[0]: 0.25 * factor} | dict.fromkeys(OTHERS, 0)
    if factor <= 1:
        again = combine(signals, SignalSettings.model_validate({"weights": weights}))
        np.testing.assert_allclose(moved.value, again.value)
        np.testing.assert_allclose(moved.confidence, again.confidence)
    assert moved.coverage[0] == combine(signals, QUARTERS).coverage[0]
    assert -1 <= moved.value[0] <= 1


def test_bad_analysts_are_named() -> None:
    with pytest.raises(ValueError, match="no weight for astrology"):
        combine([signal("astrology", 1, 1)], QUARTERS)
    with pytest.raises(ValueError, match="given twice"):
        combine([signal(NAMES[0], 1, 1)] * 2, QUARTERS)
