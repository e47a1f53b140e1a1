"""Regimes as areas of Freqtrade's chart."""

from collections.abc import Iterator

import pytest
from regime_stage import NOW, frame, settings

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames.annotations import COLORS, regime_areas
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.signals.regimes import NAMES


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    begun = begin(
        {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}, live=False
    )
    observe(current(), NOW, 1_000.0)
    yield begun
    end()


def test_regimes_are_areas_that_freqtrade_takes() -> None:
    from freqtrade.ft_types.plot_annotation_type import AnnotationTypeTA

    names = ["", "capitulation", "capitulation", "range_bound", "trending_bullish"]
    rows = frame(5).assign(regime=names)
    areas = regime_areas(rows)
    assert [(area["label"], area["start"], area["end"]) for area in areas] == [
        ("capitulation", rows["date"][1].isoformat(), rows["date"][3].isoformat()),
        ("trending bullish", rows["date"][4].isoformat(), rows["date"][4].isoformat()),
    ]
    for area in areas:
        AnnotationTypeTA.validate_python(area)
    assert regime_areas(rows.drop(columns="regime")) == []
    assert regime_areas(rows.iloc[:0]) == []
    assert set(COLORS) < set(NAMES)
    decided = frames.add_decisions(frame(), settings(), "BTC/USDT")
    assert len(regime_areas(decided)) > 5
