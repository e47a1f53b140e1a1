"""All pairs side by side, as known at a candle's close."""

from typing import Any

import numpy as np
import pandas as pd
from slot_stage import hourly, rise

from freqpilot.host.frames.crosssection import CrossSection


def test_the_cross_section_knows_nothing_of_the_future() -> None:
    frames = {name: hourly(seed) for seed, name in enumerate("ABC")}

    def places(cut: int) -> dict[str, Any]:
        section = CrossSection(rise, 3_600_000_000_000)
        cut_to = {name: frame.iloc[:cut] for name, frame in frames.items()}
        return {
            n: section.columns(n, f, list(frames), cut_to.__getitem__) for n, f in cut_to.items()
        }

    full, part = places(480), places(300)
    for name in frames:
        for a, b in zip(part[name], full[name], strict=True):
            np.testing.assert_array_equal(a, b[:300])
    week = 24 * 7
    ranks = np.array([full[name][1] for name in frames])
    assert np.isnan(ranks[:, : week - 1]).all()
    assert sorted(ranks[:, week].tolist()) == [1, 2, 3]
    assert (ranks[:, week - 1 : 2 * week - 1] == ranks[:, [week]]).all(), "once a week"


def test_all_pairs_are_read_once_a_candle() -> None:
    frames = {name: hourly(seed) for seed, name in enumerate("ABC")}
    read: list[str] = []

    def other(name: str) -> pd.DataFrame:
        read.append(name)
        return frames[name]

    section = CrossSection(rise, 3_600_000_000_000)
    for name, frame in frames.items():
        section.columns(name, frame, list(frames), other)
    assert len(read) == 2
    section.columns("A", hourly(0, 24 * 20 + 1), list(frames), other)
    assert len(read) == 4


def test_a_pair_whose_newest_candle_came_late_is_ranked_by_it_all_the_same() -> None:
    """It is missing from the table that the first pair of the candle has made."""
    at = 24 * 7 - 1  # the candle that closes a week
    whole = {name: hourly(seed).iloc[: at + 1] for seed, name in enumerate("ABC")}
    there = {**whole, "B": whole["B"].iloc[:at]}
    section = CrossSection(rise, 3_600_000_000_000)
    early = section.columns("A", whole["A"], list(whole), there.__getitem__)
    assert np.isfinite(early[1][-1])
    there["B"] = whole["B"]
    late = section.columns("B", whole["B"], list(whole), there.__getitem__)
    anew = CrossSection(rise, 3_600_000_000_000)
    for a, b in zip(
        late, anew.columns("B", whole["B"], list(whole), whole.__getitem__), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(late[1][-1])
