"""What the sleeves of ``Ensemble`` want, as columns of a pair's frame."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.account import stakes
from freqpilot.host.frames import words
from freqpilot.host.frames.crosssection import CrossSection
from freqpilot.settings import Settings, Sleeve
from freqpilot.shapes import Candles, Floats
from freqpilot.signals.rotation import momentum
from freqpilot.signals.sleeves import RANKED, ROTATION, PairCandles, Wants, startup, wants

TAG = 255
"""Most letters of an entry tag in Freqtrade's database."""


def startup_candles(sleeves: Sequence[Sleeve], step: int, max_days: float) -> int:
    """Return the candles before the first decision of all sleeves."""
    return max(startup(sleeve, step, max_days) for sleeve in sleeves)


def names(sleeves: Sequence[Sleeve]) -> list[str]:
    """Return the columns that callbacks look up: what each sleeve wants, ``due`` and ``close``."""
    return [f"want_{sleeve.name}" for sleeve in sleeves] + ["due", "close"]


def ranks(sleeves: Sequence[Sleeve]) -> bool:
    """Tell whether a sleeve compares pairs."""
    return any(sleeve.strategy == RANKED for sleeve in sleeves)


def section(step: int) -> CrossSection:
    """Return the ranks of all pairs for candles of ``step`` nanoseconds."""

    def score(candles: Candles) -> Floats:
        return momentum(candles, step, ROTATION).score

    return CrossSection(score, step)


def slot_shares(sleeves: Sequence[Sleeve], config: dict[str, Any], pairs: int) -> Floats:
    """Return for each sleeve the share of its money that belongs to one pair: a slot as
    ``max_open_trades`` gives it, or one of the strongest few."""
    one = stakes.slot_share(config, pairs)
    whole = float(config.get("tradable_balance_ratio", 1.0))
    found = [
        whole / float(sleeve.named()["top"]) if sleeve.strategy == RANKED else one
        for sleeve in sleeves
    ]
    return np.array(found, dtype=np.float64)


def add_wants(
    frame: pd.DataFrame,
    settings: Settings,
    step: int,
    slot: Floats,
    ranked: Callable[[], tuple[Floats, Floats]],
) -> pd.DataFrame:
    """Return the frame with ``want_*`` (share of a slot) and ``contrib_*`` (share of the pair's
    largest slot, by the config's budgets) of each sleeve, their sum ``composite`` (−1…1), ``due``,
    and ``long`` and ``short``, where a sleeve would enter.

    :param ranked: gives the pair's score and place among all pairs.
    """
    ensemble, candles = settings.ensemble, candles_from_frame(frame)
    score, place = ranked() if ranks(ensemble.sleeves) else (None, None)
    found = [
        wants(
            sleeve,
            PairCandles(candles, step, score, place),
            settings.risk,
            ensemble.max_holding_days,
        )
        for sleeve in ensemble.sleeves
    ]
    budgets = np.array([sleeve.budget for sleeve in ensemble.sleeves])
    weight = budgets * slot / float(slot.max())
    parts = {
        f"contrib_{sleeve.name}": each.want * share
        for sleeve, each, share in zip(ensemble.sleeves, found, weight, strict=True)
    }
    columns = _columns(ensemble.sleeves, found) | parts
    columns["composite"] = np.clip(sum(parts.values()), -1.0, 1.0)
    return frame.assign(**columns)


def _columns(sleeves: Sequence[Sleeve], found: Sequence[Wants]) -> dict[str, Any]:
    wanted = {f"want_{s.name}": each.want for s, each in zip(sleeves, found, strict=True)}
    table = np.column_stack([each.want for each in found])
    sides = np.column_stack([each.side for each in found])
    return wanted | {
        "due": np.any([each.due for each in found], axis=0).astype(np.float64),
        "long": (sides > 0).any(axis=1).astype(np.float64),
        "short": (sides < 0).any(axis=1).astype(np.float64),
        "none_long": (table <= 0).all(axis=1).astype(np.float64),
        "none_short": (table >= 0).all(axis=1).astype(np.float64),
    }


def decided(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of :func:`add_wants` with ``side``, ``leave`` and ``enter_tag``, the names of
    the sleeves that want the side. Where some want a long and some a short, the net decides; a
    budget that has moved since is counted when the order is sized."""
    long, short = frame["long"].to_numpy() > 0, frame["short"].to_numpy() > 0
    net = np.sign(frame["composite"].to_numpy())
    side = np.where(long & short, net, long.astype(float) - short.astype(float))
    gone = frame["none_long"].to_numpy() > 0, frame["none_short"].to_numpy() > 0
    leave = np.where(gone[0] & gone[1], 2, np.where(gone[0], 1, np.where(gone[1], -1, 0)))
    tags = words.tags(frame, pd.Series(side, index=frame.index)).str.slice(0, TAG)
    return frame.assign(side=side, leave=leave, enter_tag=tags)
