"""The study of couples without a bot: opposite legs in their slots, nothing of the future."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from freqpilot.settings import PairsSettings

LENGTH = 24 * 60
SETTINGS = PairsSettings(window_days=10, max_half_life_days=2, holds=2, level=1.0)


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    from benchmarks.worth import pairs_study

    return pairs_study


def frames() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(2)
    date = pd.date_range("2024-01-01", periods=LENGTH, freq="1h", tz="UTC")
    walk, gap = np.cumsum(rng.standard_normal(LENGTH)) * 0.005, np.zeros(LENGTH)
    for i in range(1, LENGTH):
        gap[i] = 0.9 * gap[i - 1] + 0.005 * rng.standard_normal()
    logs = {"A": 5 + walk + gap, "B": 5 + walk, "C": 4 + walk[::-1] * 0.3}
    return {
        pair: pd.DataFrame({"date": date, "volume": 1.0})
        .assign(**{name: np.exp(log) for name in ("open", "high", "low", "close")})
        .reset_index(drop=True)
        for pair, log in logs.items()
    }


def test_legs_are_opposite_and_inside_their_slots(study: Any) -> None:
    book = study.simulate(frames(), SETTINGS)
    held = book.target[(book.target != 0).any(axis=1)]
    assert len(book.earned) >= 5
    assert (np.abs(held).sum(axis=1) <= 1 + 1e-9).all()
    assert (np.sign(held).sum(axis=1) == 0).all(), "one long for each short"
    assert np.mean(book.earned) > 0, "a gap that closes pays before costs"
    assert np.abs(held[held != 0]).min() >= study.BAND, "or it would not be traded"


def test_the_study_knows_nothing_of_the_future(study: Any) -> None:
    whole = study.simulate(frames(), SETTINGS).target
    cut = 24 * 45
    part = study.simulate({p: f.iloc[:cut] for p, f in frames().items()}, SETTINGS).target
    np.testing.assert_array_equal(whole[:cut], part)
