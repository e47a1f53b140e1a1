"""Whether a model's forecasts are worth more than the baselines', and by how much."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from freqpilot.research import edge
from freqpilot.shapes import Floats


def lead(
    found: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    means: Sequence[Floats],
    outcome: Floats,
    block: float,
    seed: int,
) -> dict[str, Any]:
    """Return by how much the rank IC of the model of ``found`` is above that of the best baseline
    at its horizon, with its 95 % interval: both on the rows that both forecast, so that the luck of
    the candles, which they share, is taken out. Nothing where there is no baseline.

    :param rows: figures of all walks, whose forecasts are ``means`` (steps × pairs).
    :param outcome: what came (steps × pairs).
    :param block: as that of :func:`freqpilot.research.edge.figure`.
    """
    near = [n for n, row in enumerate(rows) if row["horizon"] == found["horizon"]]
    rivals = [n for n in near if rows[n]["baseline"]]
    if not rivals:
        return {}
    best = max(rivals, key=lambda n: float(rows[n]["ic"]["value"]))
    one, other = means[next(n for n in near if rows[n]["model"] == found["model"])], means[best]
    both = np.isfinite(one) & np.isfinite(other)
    one, other = np.where(both, one, np.nan), np.where(both, other, np.nan)
    gap = edge.products(one, outcome) - edge.products(other, outcome)
    above = edge.figure(gap, edge.counts(one, outcome), block, seed)
    name = rows[best]["model"]
    return {"above": {"of": name, "value": above.value, "low": above.low, "high": above.high}}


def verdicts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each model that is no baseline whether it beats every one at its horizon, and
    whether its deflated figures stand above zero."""
    found = []
    for row in rows:
        if row["baseline"]:
            continue
        rivals = [r for r in rows if r["baseline"] and r["horizon"] == row["horizon"]]
        found.append(
            {
                "model": row["model"],
                "horizon": row["horizon"],
                "beats_baselines": all(row["ic"]["value"] > r["ic"]["value"] for r in rivals),
                "deflated_above_zero": row["ic"]["deflated_low"] > 0,
                "across_above_zero": row["ic_across"]["deflated_low"] > 0,
                "positive_net_sharpe": any(row[kind]["sharpe"] > 0 for kind in ("both", "long")),
            }
        )
    return found
