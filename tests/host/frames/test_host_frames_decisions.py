"""Moves of an analyst's weight are logged once a run."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scorecard_stage import SETTINGS, frame

import regime_source
from freqpilot.host.account.begin import begin
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import decisions
from freqpilot.host.frames.populate import populate
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.shapes import Candles
from freqpilot.signals import analysts, scorecards


@pytest.fixture
def run() -> Iterator[Run]:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}
    yield begin(config, live=False)
    end()


def test_a_move_is_logged_once_a_run(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    source = regime_source.market(4, 1_200)
    names = {"technical_momentum", "mean_reversion"}
    with caplog.at_level(logging.INFO, logger=decisions.__name__):
        for length in range(1_100, 1_130):
            for _ in range(2):
                populate(run, frame(source.window(0, length)), SETTINGS, "BTC/USDT")
    factors = scorecards.factors(_signals(source, names), source, SETTINGS.signals.scorecards)
    for name, factor in factors.items():
        changes = np.abs(np.diff(factor))[1_098:1_128] > 5e-4
        lines = [r for r in caplog.messages if f"weight of {name.replace('_', ' ')} " in r]
        assert len(lines) >= changes.sum() > 0
        assert len(lines) == len(set(lines))
        assert all("BTC/USDT" in line for line in lines)
    logged = len(caplog.messages)
    frames.add_decisions(frame(source.window(0, 1_120)), SETTINGS, "BTC/USDT")
    assert len(caplog.messages) == logged, "columns alone say nothing"


def _signals(source: Candles, names: set[str]) -> Any:
    from freqpilot.features.bank.workspace import Workspace

    return analysts.opinions(Workspace(source), names=names)
