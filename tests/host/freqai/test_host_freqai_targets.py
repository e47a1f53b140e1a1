"""Targets that a model of all pairs can learn."""

import numpy as np
import pandas as pd
import pytest
from pool_stage import candles_of

from freqpilot.errors import Degraded
from freqpilot.host.freqai import targets
from freqpilot.settings import LabelSettings


def frame(seed: int = 1, hours: int = 300) -> pd.DataFrame:
    return candles_of(seed, hours).assign(**{"%-a_BTC/USDT_1h": np.arange(hours, dtype=float)})


def test_targets_that_cannot_be_learned_are_named() -> None:
    assert targets.own_target([]) is None
    assert targets.own_target(["&-barrier", "&-other"]) is None
    assert targets.own_target(["&-s_close"]) == "&-s_close"
    with pytest.raises(Degraded, match="sets 2 targets"):
        targets.own_target(["&-a", "&-b"])
    data = frame(hours=5).assign(y=[1.0, np.inf, 3.0, 4.0, 5.0], words="up")
    np.testing.assert_array_equal(targets.values(data, "y", 2), [1.0, np.nan, 3.0, *[np.nan] * 2])
    np.testing.assert_array_equal(targets.values(data, "y", 9), [np.nan] * 5)
    for name, said in (("words", "holds classes"), ("none", "no column none")):
        with pytest.raises(Degraded, match=said):
            targets.values(data, name, 2)
    config = {"freqai": {"feature_parameters": {"label_period_candles": 20}}}
    assert targets.horizon(config, LabelSettings()) == 20
    assert targets.horizon({"freqai": {"feature_parameters": {}}}, LabelSettings()) == 12
