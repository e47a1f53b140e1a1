"""Scorecards in Freqtrade's frame, in the log, in words, and on the command line."""

from pathlib import Path

from scorecard_stage import frame
from typer.testing import CliRunner

import regime_source
from freqpilot.cli import app
from freqpilot.signals import analysts


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
