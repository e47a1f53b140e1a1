"""Which target a model learns: the pack's own labels, or the one that a strategy sets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded
from freqpilot.host.freqai.columns import LABEL
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Floats


def own_target(labels: Sequence[str]) -> str | None:
    """Return the ``&-`` column that a strategy's ``set_freqai_targets`` made to be learned; None
    where it made the pack's label, or none.

    :raises Degraded: for several, of which a model here could learn one only.
    """
    if LABEL in labels or not labels:
        return None
    if len(labels) > 1:
        raise Degraded(
            f"the strategy sets {len(labels)} targets ({', '.join(labels)}), and a model of the "
            "pack learns one: there is no model, so no entry by it; keep one in set_freqai_targets"
        )
    return str(labels[0])


def horizon(config: Mapping[str, Any], labels: LabelSettings) -> int:
    """Return how many candles a strategy's own target looks ahead: FreqAI's
    ``label_period_candles``, or the pack's horizon where that is not given."""
    section = config["freqai"]["feature_parameters"]
    return max(1, int(section.get("label_period_candles") or labels.horizon))


def values(frame: pd.DataFrame, target: str, ahead: int) -> Floats:
    """Return the target of each row of a window's ``frame``, NaN where it is not decided by the
    last of them, whatever the strategy wrote there.

    :param ahead: candles that the target looks ahead.
    :raises Degraded: for a column that is missing or holds no numbers.
    """
    if target not in frame:
        raise Degraded(
            f"the frame has no column {target}: there is no model, so no entry by it; make it in "
            "set_freqai_targets for every pair"
        )
    column = frame[target]
    if not pd.api.types.is_numeric_dtype(column):
        raise Degraded(
            f"the strategy's target {target} holds classes, and this model forecasts a number: "
            "there is no model, so no entry by it; set a number, or use FreqpilotCalibrated, which "
            "makes its own classes"
        )
    out = column.to_numpy(dtype=np.float64).copy()
    out[~np.isfinite(out)] = np.nan
    out[max(len(out) - ahead, 0) :] = np.nan
    return out
