"""Past forecasts are those that FreqAI keeps live, and none in a backtest."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from edge_stage import PAIR, frame, model, settings

from freqpilot.host.account.begin import begin
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames.edge.forecasts import PastForecasts, past_forecasts
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.signals.decision import TRUST


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}
    yield begin(config, live=False)
    end()


def test_live_has_the_factors_of_the_backtest_from_what_freqai_keeps() -> None:
    whole = frame(-1)
    wanted = frames.add_decisions(whole, settings(), PAIR)[TRUST].to_numpy()
    kept = whole.rename(columns={"date": "date_pred", "close": "close_price"})
    # FreqAI keeps them as Python objects after it has filled a gap.
    kept["up"] = kept["up"].astype(object)
    drawer = SimpleNamespace(historic_predictions={PAIR: kept})
    older = past_forecasts(model(drawer), PAIR)
    late = whole.tail(900)
    got = frames.add_decisions(late, settings(), PAIR, past=older)[TRUST].to_numpy()
    np.testing.assert_array_equal(got, wanted[-900:])
    assert (got == 0).all()
    forgot = frames.add_decisions(late, settings(), PAIR)[TRUST].to_numpy()
    assert forgot[0] == 1, "nothing is known of the time before the frame"


def test_a_backtest_takes_nothing_from_what_freqai_keeps() -> None:
    drawer = SimpleNamespace(historic_predictions={PAIR: frame(1)})
    assert past_forecasts(model(drawer, live=False), PAIR) is None
    assert past_forecasts(model(drawer), "ETH/USDT") == PastForecasts("one", None)
    assert past_forecasts(model(drawer), PAIR) == PastForecasts("one", None), "unknown form"
