"""Regime models from candles on disk to the decision: fitted on the past alone, found by bot and
pairlist, and never in the way when they are missing, old or broken."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine
from fitting_stage import HMM, LENGTH, NOW, PAIRS, command, config, frame_of

import regime_source
from freqpilot.errors import Degraded
from freqpilot.features.bank.workspace import Workspace
from freqpilot.host.commands.regimes import Plan, fit_one, part_of
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import regimes
from freqpilot.host.frames import words as words_module
from freqpilot.host.frames.regimes import EPOCH, describe, models_of
from freqpilot.host.run import once
from freqpilot.models import regimes as fitting
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings
from freqpilot.signals import hmm
from freqpilot.signals.regimes import NAMES


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    for seed, pair in enumerate(PAIRS, 1):
        file = folder / f"{pair.replace('/', '_')}-1h.feather"
        frame_of(regime_source.market(seed, LENGTH)).to_feather(file)
    return folder


@pytest.fixture(scope="module")
def fitted(datadir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a user_data with three models, and what the command said."""
    user_data = tmp_path_factory.mktemp("user")
    return user_data, command(datadir, user_data, "--from", "2024-01-20", "--every", "20")


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    once.forget()
    yield
    once.forget()


def test_the_command_writes_a_series_that_the_bot_finds(fitted: tuple[Path, str]) -> None:
    user_data, said = fitted
    models = models_of(config(user_data))
    assert len(models) == said.count("written") >= 3
    assert [m.fitted_until for m in models] == sorted(m.fitted_until for m in models)
    for model in models:
        assert set(model.names) == set(NAMES)
        until = EPOCH + timedelta(microseconds=model.fitted_until // 1000)
        assert (until - EPOCH) % timedelta(days=20) == timedelta(0)
        assert until <= NOW
        assert model.pairs == PAIRS
        assert model.timeframe == 60
    assert models_of({"user_data_dir": user_data}) == (), "by the rules none is asked"
    with time_machine.travel(NOW, tick=False):
        assert f"{len(models)} model(s)" in describe(config(user_data))
    assert describe({"user_data_dir": user_data}) == "told by the rules"


def test_the_decision_is_by_the_model_and_says_so(fitted: tuple[Path, str]) -> None:
    user_data, _ = fitted
    settings = Settings.from_config(config(user_data))
    models = models_of(config(user_data))
    source = regime_source.market(8, LENGTH)
    decided = frames.add_decisions(frame_of(source), settings, "BTC/USDT", None, models)
    found, told = hmm.detect(Workspace(source), settings.signals.regimes, models)
    assert (decided["regime"] == found.names()).all()
    np.testing.assert_array_equal(decided["regime_by_model"], told)
    assert told.any()
    assert not told.all()
    plain = frames.add_decisions(frame_of(source), Settings(), "BTC/USDT")
    assert "regime_by_model" not in plain
    assert (plain["regime"] == decided["regime"])[~told].mean() > 0.9
    assert (plain["composite"] != decided["composite"])[told].any()
    row = decided[told & (decided["regime"] != "")].iloc[-1]
    assert ", by the model)" in str(words_module.regime_words(row, settings.signals.regimes))
    row = decided[~told & (decided["regime"] != "")].iloc[-1]
    assert ", by the rules)" in str(words_module.regime_words(row, settings.signals.regimes))


def test_the_past_of_a_decision_stays(fitted: tuple[Path, str]) -> None:
    user_data, _ = fitted
    settings, models = Settings.from_config(config(user_data)), models_of(config(user_data))
    frame = frame_of(regime_source.market(8, LENGTH))
    full = frames.add_decisions(frame, settings, "BTC/USDT", None, models)
    part = frames.add_decisions(frame.iloc[:2_300], settings, "BTC/USDT", None, models)
    early = [m for m in models if m.fitted_until <= frame["date"].iloc[2_299].value]
    assert len(early) < len(models)
    before = frames.add_decisions(frame.iloc[:2_300], settings, "BTC/USDT", None, early)
    for name in ("regime", "regime_probability", "composite"):
        assert part[name].equals(full[name].iloc[:2_300])
        assert part[name].equals(before[name]), "a later model is not asked"


def test_the_memory_of_a_model_is_in_the_startup() -> None:
    settings = Settings.from_config({"freqpilot": HMM})
    assert frames.startup("1h") == frames.STARTUP
    assert frames.startup("1h", settings.signals) == hmm.STARTUP > frames.STARTUP


def test_none_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert models_of(config(tmp_path)) == ()
        assert models_of(config(tmp_path)) == ()
    assert caplog.text.count("holds no regime model: the rules tell the regime") == 1
    with pytest.raises(Degraded, match=r"holds no model.*freqpilot regimes fit"):
        describe(config(tmp_path))


def test_a_broken_or_foreign_file_is_left_out(
    fitted: tuple[Path, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = sorted(regimes.folder_of(fitted[0]).iterdir())
    folder = regimes.folder_of(tmp_path)
    sound = RegimeModel.load(files[0])
    sound.save(folder / "a.json")
    (folder / "b.json").write_text(files[1].read_text()[:-40])
    regime_source.relabelled(sound, (1, 0, 2, 3, 4, 5)).save(folder / "c.json")
    assert len(models_of(config(tmp_path))) == 2
    wrong = RegimeModel.load(folder / "c.json")
    object.__setattr__(wrong, "names", sound.names)
    wrong.save(folder / "c.json")
    with caplog.at_level(logging.WARNING):
        assert [m.fitted_until for m in models_of(config(tmp_path))] == [sound.fitted_until]
    assert "b.json is corrupt" in caplog.text
    assert "c.json is of another version" in caplog.text
    with pytest.raises(Degraded, match=r"b\.json is corrupt"):
        describe(config(tmp_path))


def test_doctor_finds_the_newest_too_old(fitted: tuple[Path, str]) -> None:
    with (
        time_machine.travel(NOW + timedelta(days=120), tick=False),
        pytest.raises(Degraded, match="the newest model is of 2024-"),
    ):
        describe(config(fitted[0]))


def test_the_prior_keeps_the_rare_regimes_of_a_real_market(
    realdata: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = datetime(2020, 1, 1, tzinfo=UTC)
    plan = Plan(
        realdata / "candles" / "binance", ("BTC/USDT", "LTC/USDT"), until, until, window=400
    )
    parts = [part_of(plan, pair) for pair in plan.pairs]
    assert set(fit_one(parts, plan, until).names) == set(NAMES)
    monkeypatch.setattr(fitting, "PRIOR", 1e-6)
    with pytest.raises(Degraded, match="no regime model"):
        fit_one(parts, plan, until)
