"""Scorecards in Freqtrade's frame, in the log, in words, and on the command line."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import regime_source
from freqpilot.cli import app
from freqpilot.errors import RefuseToStart
from freqpilot.host.account.begin import begin
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import decisions, words
from freqpilot.host.frames.populate import populate
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.settings import Settings
from freqpilot.shapes import Candles
from freqpilot.signals import analysts, scorecards

QUICK = {"enabled": True, "horizon": 4, "opinions": 20, "step_hours": 6, "prior": 5}
SETTINGS = Settings.from_config({"freqpilot": {"signals": {"scorecards": QUICK}}})


def frame(candles: Candles) -> pd.DataFrame:
    columns = {name: getattr(candles, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": pd.to_datetime(candles.date, utc=True), **columns})


@pytest.fixture(scope="module")
def decided() -> pd.DataFrame:
    return frames.add_decisions(frame(regime_source.market(4, 1_200)), SETTINGS, "BTC/USDT")


def test_factors_stand_in_the_frame_and_move_the_composite(decided: pd.DataFrame) -> None:
    source = regime_source.market(4, 1_200)
    plain = frames.add_decisions(frame(source), Settings(), "BTC/USDT")
    names = [c for c in decided if c.startswith("score_")]
    assert len(names) == len(words.contributions(decided))
    assert not [c for c in plain if c.startswith("score_")], "off by default"
    moved = (decided[names] != 1).any(axis=1)
    assert moved.any()
    assert (decided["composite"] != plain["composite"])[moved].any()
    pd.testing.assert_series_equal(decided["composite"][~moved], plain["composite"][~moved])
    np.testing.assert_allclose(decided["coverage"], plain["coverage"])


def test_why_tells_what_they_move(decided: pd.DataFrame) -> None:
    row = decided.iloc[-1]
    strongest = max(
        (c for c in decided if c.startswith("score_")), key=lambda c: abs(np.log(row[c]))
    )
    decision = words.decision_of("BTC/USDT", row, "long", pd.Timedelta(hours=1))
    told = [reason for reason in decision.reasons if reason.startswith("weights by scorecards")]
    analyst = strongest.removeprefix("score_").replace("_", " ")
    assert told[0].startswith(f"weights by scorecards: {analyst} ×{row[strongest]:.2f}")
    assert words.score_words({"score_events": 1.001, "composite": 0.3}) is None


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


def test_the_memory_is_in_the_startup() -> None:
    on = Settings.from_config({"freqpilot": {"signals": {"scorecards": {"enabled": True}}}})
    memory = analysts.STARTUP + scorecards.startup(on.signals.scorecards, 60)
    assert frames.startup("1h", on.signals) == memory
    assert memory < 2_500, "which an exchange of 500 candles a call still has"
    assert frames.startup("1h", Settings().signals) == frames.STARTUP


def test_a_wrong_key_names_the_right_one() -> None:
    with pytest.raises(
        RefuseToStart, match=r"signals\.scorecards\.horizont is not known.*'horizon'"
    ):
        Settings.from_config({"freqpilot": {"signals": {"scorecards": {"horizont": 3}}}})


def test_the_command_prints_a_card_for_each_analyst(tmp_path: Path) -> None:
    frame(regime_source.market(4, 1_500)).to_feather(tmp_path / "BTC_USDT-1h.feather")
    given = ["scorecards", "--datadir", str(tmp_path), "--userdir", str(tmp_path)]
    done = CliRunner().invoke(app, [*given, "--pair", "BTC/USDT"])
    assert done.exit_code == 0, done.exception
    assert "BTC/USDT" in done.output
    for analyst in analysts.TECHNICAL:
        assert analyst.name.replace("_", " ") in done.output
    assert "×" in done.output
    missing = CliRunner().invoke(app, [*given, "--pair", "ETH/USDT"])
    assert "no 1h candles of ETH/USDT" in str(missing.exception)
    nothing = CliRunner().invoke(app, ["scorecards", "--userdir", str(tmp_path)])
    assert "name the candles by -c config.json" in str(nothing.exception)
