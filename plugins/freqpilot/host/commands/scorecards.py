"""Scorecards of the analysts on candles from disk, for people."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.candles.files import candles_of
from freqpilot.settings import Settings
from freqpilot.signals import analysts
from freqpilot.signals.scorecards import Scorecard, scorecard

COLUMNS = (
    "analyst",
    "opinions up, down",
    "won up, down",
    "return up, down",
    "false",
    "decay",
    "factor",
    "tends to",
)


def cards(
    config: dict[str, Any], datadir: Path | None, pairs: Sequence[str], timeframe: str
) -> dict[str, list[Scorecard]]:
    """Return for each pair the scorecards of the analysts that need candles alone, at the last one.

    :raises RefuseToStart: without a folder, a pair, or candles of one.
    """
    folder = datadir or config.get("datadir")
    named = pairs or config.get("exchange", {}).get("pair_whitelist", ())
    if folder is None or not named:
        raise RefuseToStart(
            "no scorecard: name the candles by -c config.json, or --datadir and --pair"
        )
    settings = Settings.from_config(config).signals.scorecards
    found = {}
    for pair in named:
        candles = candles_from_frame(candles_of(Path(folder), pair, timeframe))
        said = analysts.opinions(Workspace(candles))
        found[pair] = [scorecard(signal, candles, settings) for signal in said]
    return found


def cells(card: Scorecard) -> tuple[str, ...]:
    """Return a scorecard as the cells of :data:`COLUMNS`."""
    return (
        card.analyst.replace("_", " "),
        f"{card.opinions[0]}, {card.opinions[1]}",
        ", ".join(_percent(rate, "%.0f") for rate in card.win_rate),
        ", ".join(_percent(worth, "%+.2f") for worth in card.worth),
        _percent(card.false_positives, "%.0f"),
        str(card.decay) if sum(card.opinions) else "–",
        f"×{card.factor:.2f}",
        f"×{card.target:.2f}",
    )


def _percent(share: float, form: str) -> str:
    return "–" if math.isnan(share) else f"{form % (share * 100)} %"
