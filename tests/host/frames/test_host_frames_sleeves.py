"""Which side a pair takes where its sleeves want different ones, and when it is left."""

import numpy as np
import pandas as pd
import pytest

from freqpilot.host.frames.sleeves import decided, names, ranks, slot_shares
from freqpilot.settings import EnsembleSettings
from freqpilot.signals.sleeves import RANKED

SLEEVES = EnsembleSettings().sleeves


@pytest.mark.parametrize(
    ("long", "short", "net", "side"),
    [
        (1, 0, 0.5, 1),
        (0, 1, -0.5, -1),
        (0, 0, 0.5, 0),
        (1, 1, 0.2, 1),
        (1, 1, -0.2, -1),
        (1, 1, 0.0, 0),
    ],
)
def test_where_sleeves_disagree_the_net_decides(
    long: float, short: float, net: float, side: float
) -> None:
    row = {"long": long, "short": short, "composite": net, "contrib_a": net}
    frame = pd.DataFrame([row | {"none_long": 0.0, "none_short": 0.0}])
    assert decided(frame)["side"].tolist() == [side]


@pytest.mark.parametrize(
    ("none_long", "none_short", "leave"), [(0, 0, 0), (1, 0, 1), (0, 1, -1), (1, 1, 2)]
)
def test_a_side_that_nobody_wants_is_left(
    none_long: float, none_short: float, leave: float
) -> None:
    row = {"long": 0.0, "short": 0.0, "composite": 0.0, "contrib_a": 0.0}
    frame = pd.DataFrame([row | {"none_long": none_long, "none_short": none_short}])
    assert decided(frame)["leave"].tolist() == [leave]


def test_each_sleeve_has_a_column_and_its_slot() -> None:
    assert names(SLEEVES)[-2:] == ["due", "close"]
    assert len(names(SLEEVES)) == len(SLEEVES) + 2
    plain = [sleeve for sleeve in SLEEVES if sleeve.strategy != RANKED]
    assert not ranks(plain)
    found = slot_shares(plain, {"max_open_trades": 4}, 10)
    assert found.tolist() == np.full(len(plain), 0.25).tolist()
