"""The training service in the real bot, in its own thread, on the stand-in exchange."""

import json
from pathlib import Path

import pytest

from freqpilot.host.boot.doors import config_dir
from freqpilot.host.commands.models import read
from freqpilot.rehearsal.plan.session import RehearsalOptions, rehearse

PAIR = "BTC/USDT"
OWN = {
    "freqaimodel": "FreqpilotLinear",
    "freqai": {"train_period_days": 30, "live_retrain_hours": 3},
    "freqpilot": {"models": {"training": {"fit_seconds": 120}}},
}


@pytest.mark.slow
def test_models_are_trained_anew_while_the_bot_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    own = tmp_path / "own.json"
    own.write_text(json.dumps(OWN), encoding="utf-8")
    layers = ("base", "freqai", "autopilot", "freqpilot")
    configs = (*(config_dir() / f"{name}.json" for name in layers), own)
    options = RehearsalOptions(
        userdir=tmp_path, configs=configs, days=0.3, speed=0, seed=7, pairs=(PAIR,)
    )
    summary = rehearse(options)
    assert summary.finished
    assert summary.errors == ()
    (line,) = read(tmp_path, "").lines
    assert (line.pair, line.model, line.fault) == (PAIR, "FreqpilotLinear", "")
    assert line.course.failures == 0
    assert line.course.peak_mb > 10, "in a process of its own"
    assert line.trained > summary.start.timestamp() + 3 * 3_600
    folder = tmp_path / "models" / line.identifier
    stamps = sorted(int(path.name.rsplit("_", 1)[1]) for path in folder.glob("sub-train-*"))
    assert len(stamps) == 2, "two are kept"
    assert stamps[1] - stamps[0] == pytest.approx(3 * 3_600, abs=1_000)
