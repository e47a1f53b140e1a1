"""What makes each analyst sure, and the edge of the coverage rule."""

import numpy as np
import pytest

from candle_source import candles
from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import SignalSettings
from freqpilot.shapes import Signal
from freqpilot.signals.analysts import TechnicalMomentum, TechnicalTrend, VolumeConfirmation
from freqpilot.signals.composite import combine

SETTLED = 500
NONE = dict.fromkeys(SignalSettings().weights, 0)


def test_the_trend_is_surer_the_more_directional_the_market() -> None:
    work = Workspace(candles(4, 4_000))
    adx = work.adx()[SETTLED:]
    confidence = TechnicalTrend().evaluate(work).confidence[SETTLED:]
    weak, strong = adx <= 0.15, adx >= 0.40
    assert weak.any()
    assert strong.any()
    np.testing.assert_allclose(confidence[weak], 0.3)
    np.testing.assert_allclose(confidence[strong], 1.0)
    between = np.argsort(adx[~weak & ~strong])
    assert (np.diff(confidence[~weak & ~strong][between]) >= 0).all()


def test_momentum_is_sure_where_strength_and_return_agree() -> None:
    work = Workspace(candles(4, 4_000))
    confidence = TechnicalMomentum().evaluate(work).confidence[SETTLED:]
    agree = (np.sign(work.rsi()) == np.sign(work.log_return(24)))[SETTLED:]
    np.testing.assert_allclose(confidence[agree], 1.0)
    assert (~agree).any()
    assert confidence[~agree].max() < 1.0
    assert confidence.min() >= 0.4


@pytest.mark.parametrize("seed", [4, 5])
def test_volume_is_surer_the_more_of_it_there_is(seed: int) -> None:
    sureness = []
    for factor in (0.05, 1.0, 20.0):
        source = candles(seed, 600)
        source.volume[-1] = np.median(source.volume) * factor
        sureness.append(VolumeConfirmation().evaluate(Workspace(source)).confidence[-1])
    assert sureness[0] < sureness[1] < sureness[2]


@pytest.mark.parametrize(("weight", "side"), [(0.35, 1), (0.34, 0)])
def test_coverage_at_its_least_is_enough(weight: float, side: int) -> None:
    settings = SignalSettings.model_validate(
        {"weights": NONE | {"technical_trend": weight, "model_forecast": 1 - weight}}
    )
    one, none = np.array([1.0]), np.array([0.0])
    opinions = [
        Signal("technical_trend", one, one, ("",), np.array([0])),
        Signal("model_forecast", one, none, ("",), np.array([0])),
    ]
    assert combine(opinions, settings).side[0] == side
