"""Regime models from candles on disk to the decision: fitted on the past alone, found by bot and
pairlist, and never in the way when they are missing, old or broken."""

import itertools
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
from typer.testing import CliRunner

import regime_source
from freqpilot.cli import app
from freqpilot.errors import Degraded, RefuseToStart
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
from freqpilot.shapes import Candles
from freqpilot.signals import hmm
from freqpilot.signals.regimes import NAMES

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
LENGTH = 3_000
BEGUN = datetime(2023, 11, 14, 22, tzinfo=UTC)
NOW = BEGUN + timedelta(hours=LENGTH + 48)
HMM = {"signals": {"regimes": {"method": "hmm"}}}


def frame_of(candles: Candles) -> pd.DataFrame:
    columns = {name: getattr(candles, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": pd.to_datetime(candles.date, utc=True), **columns})


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


def command(datadir: Path, user_data: Path, *more: str, code: int = 0) -> str:
    pairs = [word for pair in PAIRS for word in ("--pair", pair)]
    folders = ["--datadir", str(datadir), "--userdir", str(user_data), "--window", "120"]
    with time_machine.travel(NOW, tick=False):
        done = CliRunner().invoke(app, ["regimes", "fit", *folders, *pairs, *more])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def config(user_data: Path, **more: Any) -> dict[str, Any]:
    return {"user_data_dir": user_data, "freqpilot": {**HMM, **more}}


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


def test_what_is_there_is_kept(datadir: Path, fitted: tuple[Path, str]) -> None:
    user_data, _ = fitted
    folder = regimes.folder_of(user_data)
    before = {file: file.read_bytes() for file in folder.iterdir()}
    again = command(datadir, user_data, "--from", "2024-01-20", "--every", "20")
    assert "written" not in again
    assert again.count("kept") == len(before)
    last = command(datadir, user_data, "--every", "20")
    assert last.count("kept") == 1, "without --from the newest alone"
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_a_model_sees_no_candle_after_its_day(datadir: Path, tmp_path: Path) -> None:
    """Whatever happens later, a model that is fitted then is the same to the last bit."""
    until = datetime(2024, 3, 1, tzinfo=UTC)
    plan = Plan(datadir, PAIRS[:1], until, until, window=120)
    whole = pd.read_feather(datadir / "BTC_USDT-1h.feather")
    later = whole["date"] + pd.Timedelta(hours=1) > until
    assert later.sum() > 300
    changed = whole.assign(
        **{name: whole[name].where(~later, whole[name] * 3) for name in ("open", "high", "close")}
    )
    cut = whole[~later].reset_index(drop=True)
    models = []
    for number, frame in enumerate((whole, changed, cut)):
        folder = tmp_path / str(number)
        folder.mkdir()
        frame.to_feather(folder / "BTC_USDT-1h.feather")
        models.append(
            fit_one([part_of(Plan(folder, PAIRS[:1], until, until), PAIRS[0])], plan, until)
        )
    for other in models[1:]:
        np.testing.assert_array_equal(models[0].means, other.means)
        np.testing.assert_array_equal(models[0].transition, other.transition)
        assert models[0].data == other.data


def test_the_schedule_does_not_hang_on_its_begin() -> None:
    day = timedelta(days=1)
    first = datetime(2024, 1, 1, tzinfo=UTC)
    whole = Plan(Path(), PAIRS, first, first + 200 * day).boundaries()
    late = Plan(Path(), PAIRS, first + 77 * day, first + 200 * day).boundaries()
    assert late == [each for each in whole if each >= first + 77 * day]
    assert {b - a for a, b in itertools.pairwise(whole)} == {30 * day}
    exact = Plan(Path(), PAIRS, whole[2], whole[2]).boundaries()
    assert exact == [whole[2]]


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


def test_what_cannot_be_fitted_fails_the_command(datadir: Path, tmp_path: Path) -> None:
    said = command(datadir, tmp_path, "--from", "2023-11-20", "--to", "2023-12-20", code=1)
    assert "rows are too few" in said or "no candle" in said
    assert not list(regimes.folder_of(tmp_path).glob("*.json"))


def test_old_candles_make_no_new_model(datadir: Path) -> None:
    plan = Plan(datadir, PAIRS, NOW, NOW)
    parts = [part_of(plan, pair) for pair in PAIRS]
    ends = BEGUN + timedelta(hours=LENGTH)
    assert fit_one(parts, plan, ends + timedelta(days=1)).fitted_until
    with pytest.raises(Degraded, match="the candles end before; run freqtrade download-data"):
        fit_one(parts, plan, ends + timedelta(days=3))


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("no 1h candles of DOT/USDT", ("--pair", "DOT/USDT")),
        ("is no day", ("--from", "last year")),
        ("is yet to come", ("--to", "2031-01-01")),
    ],
)
def test_a_wrong_command_is_refused(
    datadir: Path, tmp_path: Path, words: str, more: tuple[str, ...]
) -> None:
    arguments = ["--datadir", str(datadir), "--userdir", str(tmp_path), "--pair", PAIRS[0], *more]
    with time_machine.travel(NOW, tick=False):
        done = CliRunner().invoke(app, ["regimes", "fit", *arguments])
    assert isinstance(done.exception, RefuseToStart)
    assert words in str(done.exception)


def test_candles_have_to_be_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["regimes", "fit", "--userdir", str(tmp_path)])
    assert "name the candles by -c config.json" in str(done.exception)


def test_the_index_is_an_input_where_it_was_known(datadir: Path) -> None:
    until = datetime(2024, 3, 1, tzinfo=UTC)
    plan = Plan(datadir, PAIRS, until, until, window=120)
    rng = np.random.default_rng(3)

    def index(frame: pd.DataFrame, pair: str) -> Any:
        return rng.uniform(10, 90, len(frame) // 24 + 1).repeat(24)[: len(frame)]

    def silent(frame: pd.DataFrame, pair: str) -> Any:
        return np.where(np.arange(len(frame)) % 4 == 0, np.nan, 50.0 + rng.normal(size=len(frame)))

    for known, inputs in ((index, (*hmm.INPUTS, hmm.FEAR_GREED)), (silent, hmm.INPUTS)):
        model = fit_one([part_of(plan, pair, known) for pair in PAIRS], plan, until)
        assert model.inputs == inputs


def test_the_index_is_read_from_the_column_of_facts(datadir: Path) -> None:
    until = datetime(2024, 2, 10, tzinfo=UTC)
    plan = Plan(datadir, PAIRS, until, until, window=120)

    def index(frame: pd.DataFrame, pair: str) -> Any:
        return 50 + 200 * np.clip(frame["close"].pct_change(48).to_numpy(), -0.2, 0.2)

    parts = [part_of(plan, pair, index) for pair in PAIRS]
    # The first two days have no index, as an index has that began later.
    model = fit_one(parts, plan, until)
    assert model.inputs[-1] == hmm.FEAR_GREED
    settings = Settings.from_config({"freqpilot": HMM})
    frame = frame_of(regime_source.market(8, LENGTH))
    told = [
        frames.add_decisions(frame.assign(**more), settings, "BTC/USDT", None, [model])
        for more in ({}, {"fact_fear_greed": np.nan}, {"fact_fear_greed": index(frame, "")})
    ]
    pd.testing.assert_series_equal(told[0]["regime"], told[1]["regime"])
    assert (told[0]["regime_probability"] != told[2]["regime_probability"]).any()


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
