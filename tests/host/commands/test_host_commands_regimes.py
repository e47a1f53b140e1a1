"""The command that fits regime models: on the past alone, and nothing that cannot be fitted."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine
from fitting_stage import BEGUN, HMM, LENGTH, NOW, PAIRS, command, frame_of
from typer.testing import CliRunner

import regime_source
from freqpilot.cli import app
from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.host.commands.regimes import Plan, fit_one, part_of
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import regimes
from freqpilot.host.run import once
from freqpilot.settings import Settings
from freqpilot.signals import hmm


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
