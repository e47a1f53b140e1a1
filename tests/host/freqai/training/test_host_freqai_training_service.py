"""The training service on FreqAI's live path: whatever goes wrong, the last good model predicts."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import broken_fits
import numpy as np
import pytest
import training_stage as stage

from freqpilot.host.account.begin import begin
from freqpilot.host.alerts import events as alerts
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import features
from freqpilot.host.freqai.training import service as training
from freqpilot.host.run.current import end
from freqpilot.models.linear import Ridge
from freqpilot.models.training import shelf
from freqpilot.models.training.diary import Diary
from freqpilot.models.training.schedule import HOUR
from freqpilot.risk.market.staleness import EXPIRED, FREQAI_EXPIRED
from freqpilot.settings import Settings

# Freqtrade's own steps, with pandas 3.1.
pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")
PAIR = stage.PAIRS[0]


@pytest.fixture(autouse=True)
def positions(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Yield the pairs with an open position."""
    held: set[str] = set()
    monkeypatch.setattr(training, "_held", lambda: frozenset(held))
    yield held
    alerts.begin_anew()


def trained(folder: Path, **own: Any) -> stage.Bot:
    """Return a bot that has a model and forecasts by it. Its fits stay in this process."""
    bot = stage.Bot(folder, stage.Market(), **({"own_process": False} | own))
    bot.market.whitelist = [PAIR]
    bot.candle()
    assert bot.turn() == PAIR
    bot.candle()
    assert bot.candle()["do_predict"] == 1
    return bot


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (broken_fits.Raises(), "ValueError: no such figure"),
        (broken_fits.Hangs(), "longer than 3 s"),
        (broken_fits.Eats(), "of 400 (training.memory_mb)"),
        (broken_fits.Dies(), "the fit ended with -9"),
    ],
)
def test_a_fit_that_fails_leaves_the_last_good_model_and_is_told(
    tmp_path: Path, broken: Ridge, told: str
) -> None:
    seconds = 3 if isinstance(broken, broken_fits.Hangs) else 60
    bot = trained(tmp_path, fit_seconds=seconds, memory_mb=400)
    before = bot.entry
    kept = bot.model.dd.model_dictionary[PAIR]
    bot.service.settings = bot.service.settings.model_copy(update={"own_process": True})
    bot.model.forecaster = broken
    bot.candle(hours=25)
    begun = time.monotonic()
    assert bot.turn() == PAIR
    assert time.monotonic() - begun < 30
    assert bot.turn() is None, "it is not tried again at once"
    assert bot.entry == before, "FreqAI would take the time of the fit for that of a model"
    assert bot.model.dd.model_dictionary[PAIR] is kept
    row = bot.candle()
    assert row["do_predict"] == 1
    assert np.isfinite(stage.forecast(row)).all()
    (message,) = bot.market.messages
    assert message.startswith(f"{PAIR}: training failed")
    assert told in message
    assert "stays in use until" in message
    assert "open trades keep their stops" in message
    course = bot.service.diary.pairs[PAIR]
    assert course.failures == 1
    bot.model.forecaster = Ridge()
    bot.service.settings = bot.service.settings.model_copy(update={"own_process": False})
    bot.market.now = course.retry_at + 1
    assert bot.turn() == PAIR
    assert bot.entry.trained_timestamp > before.trained_timestamp
    assert bot.service.diary.pairs[PAIR].failures == 0


def test_a_window_that_gives_no_model_replaces_none(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    before = bot.entry
    bot.model.forecaster = Ridge()
    bot.model.train = lambda *_, **__: None
    bot.candle(hours=25)
    bot.turn()
    assert bot.entry == before
    assert bot.candle()["do_predict"] == 1
    assert "the fit gave no model" in bot.market.messages[0]


def test_a_fit_in_its_own_process_gives_the_same_model(tmp_path: Path) -> None:
    here = trained(tmp_path / "here")
    there = trained(tmp_path / "there", own_process=True)
    assert there.service.diary.pairs[PAIR].peak_mb > 10
    assert here.model.dd.model_dictionary[PAIR] == there.model.dd.model_dictionary[PAIR]


def test_a_stop_ends_a_fit_and_counts_as_no_failure(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    bot.service.settings = bot.service.settings.model_copy(update={"own_process": True})
    bot.model.forecaster = broken_fits.Hangs()
    bot.candle(hours=25)
    bot.model._stop_event.set()
    assert bot.turn() == PAIR
    assert bot.service.diary.pairs[PAIR].failures == 0
    assert bot.market.messages == []


def test_an_expired_model_gives_no_entry_and_no_figure(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    row = bot.candle(hours=93)
    assert row["do_predict"] == 1
    row = bot.candle(hours=2)
    assert row["do_predict"] == EXPIRED < 0
    assert np.isnan(row[["up", "down", "flat"]].astype(float)).all(), "zeros would be a forecast"
    frame = bot.market.closed(PAIR).tail(300).reset_index(drop=True)
    with bot.time():
        found = bot.model.start(frame, {"pair": PAIR}, bot.strategy)
    assert not frames.model_ready(found).iloc[-1]
    decided = frames.add_decisions(features.add_features(found), Settings())
    assert (decided["contrib_model_forecast"].fillna(0).iloc[-1]) == 0
    (message,) = bot.market.messages
    assert "older than 96 hours" in message
    assert "open trades keep their stops" in message
    assert bot.turn() == PAIR
    assert bot.candle()["do_predict"] == 1


def test_a_restart_predicts_as_before(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    later = stage.Bot(tmp_path, bot.market, own_process=False)
    assert later.entry == bot.entry
    later.candle()
    other = stage.Bot(tmp_path, bot.market, own_process=False)
    other.model.dd.model_dictionary[PAIR] = bot.model.dd.model_dictionary[PAIR]
    other.model.dd.meta_data_dictionary[PAIR] = bot.model.dd.meta_data_dictionary[PAIR]
    other.candle(hours=0)
    there, here = later.candle(), other.candle(hours=0)
    assert there["do_predict"] == here["do_predict"] == 1
    np.testing.assert_array_equal(stage.forecast(there), stage.forecast(here))


FILES = ("_model.joblib", "_metadata.json", "_feature_pipeline.pkl", "_label_pipeline.pkl")


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a folder of two models of one pair, and what the older forecasts."""
    original, training._held = training._held, frozenset
    folder = tmp_path_factory.mktemp("twice")
    bot = trained(folder)
    older = bot.entry
    bot.candle(hours=25)
    assert bot.turn() == PAIR
    training._held = original
    return folder, bot, older


@pytest.mark.parametrize("name", [*FILES, shelf.LABEL, shelf.DIGESTS])
@pytest.mark.parametrize("harm", ["bit", "cut"])
def test_a_broken_file_sets_the_model_aside_and_the_one_before_it_predicts(
    twice: Any, tmp_path: Path, name: str, harm: str
) -> None:
    import shutil

    folder, first, older = twice
    shutil.copytree(folder / "models", tmp_path / "models")
    newest = stage.home(tmp_path) / Path(first.entry.data_path).name
    file = newest / (f"{first.entry.model_filename}{name}" if name.startswith("_") else name)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content if harm == "bit" else content[: len(content) // 2])
    market = stage.Market()
    market.now, market.whitelist = first.market.now, [PAIR]
    bot = stage.Bot(tmp_path, market, own_process=False)
    # The start has told of it before there was anybody to tell.
    bot.candle()
    assert not newest.exists()
    assert bot.entry.trained_timestamp == older.trained_timestamp
    assert bot.candle()["do_predict"] == 1
    assert any("It was moved to" in message for message in market.messages)
    (aside,) = shelf.quarantined(bot.model.dd.full_path)
    assert aside.name == newest.name
    assert aside.at == pytest.approx(first.market.now)


def test_with_no_good_model_left_there_is_no_entry_until_the_next_fit(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    file = next(Path(bot.entry.data_path).glob("*_model.joblib"))
    file.write_bytes(b"")
    again = stage.Bot(tmp_path, bot.market, own_process=False)
    row = again.candle()
    assert row["do_predict"] == 0
    assert again.market.messages
    assert again.turn() == PAIR, "a pair without a model is due at once"
    again.candle()
    assert again.candle()["do_predict"] == 1


def test_a_file_that_turns_bad_while_the_bot_runs_is_seen_at_the_next_load(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    next(Path(bot.entry.data_path).glob("*_model.joblib")).write_bytes(b"")
    assert bot.candle()["do_predict"] == 1, "the model in memory is whole"
    bot.model.dd.model_dictionary.clear()
    assert bot.candle()["do_predict"] == 0
    assert shelf.quarantined(bot.model.dd.full_path)


def test_whole_files_that_cannot_be_read_are_set_aside_too(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    folder = Path(bot.entry.data_path)
    next(folder.glob("*_model.joblib")).write_bytes(b"from another world")
    shelf.stamp(folder)
    again = stage.Bot(tmp_path, bot.market, own_process=False)
    assert again.candle()["do_predict"] == 0
    assert "cannot be read" in again.market.messages[0]
    assert not folder.exists()


def test_the_service_trains_the_whitelist_of_now_and_what_has_a_position(
    tmp_path: Path, positions: set[str]
) -> None:
    bot = trained(tmp_path)
    assert [each.pair for each in bot.service.standings(bot.strategy)] == [PAIR]
    bot.market.whitelist = ["NEW/USDT", "ETH/USDT"]
    positions.add(PAIR)
    bot.candle(hours=25)
    standings = bot.service.standings(bot.strategy)
    assert [(each.pair, each.held) for each in standings] == [("ETH/USDT", False), (PAIR, True)]
    assert [bot.turn(), bot.turn(), bot.turn()] == ["ETH/USDT", PAIR, None]
    assert bot.pending() == ()
    assert list(bot.model.train_queue)[-2:] == ["ETH/USDT", PAIR]


def test_the_budget_holds_across_a_restart(tmp_path: Path) -> None:
    bot = stage.Bot(tmp_path, stage.Market(), own_process=False)
    assert bot.turn() == PAIR
    spent = bot.service.diary.spent
    assert 0 < sum(each.seconds for each in spent) < 60
    again = stage.Bot(tmp_path, bot.market, own_process=False)
    assert again.service.diary.spent == spent
    tight = {"seconds_per_hour": again.service.settings.fit_seconds}
    again.service.settings = again.service.settings.model_copy(update=tight)
    again.market.whitelist = ["ETH/USDT"]
    assert again.turn() is None
    again.market.now += HOUR
    assert again.turn() == "ETH/USDT"


def test_a_broken_diary_is_set_aside_and_the_service_goes_on(tmp_path: Path) -> None:
    bot = trained(tmp_path)
    file = bot.model.dd.full_path / training.FILE
    file.write_text("{}", encoding="utf-8")
    again = stage.Bot(tmp_path, bot.market, own_process=False)
    assert again.service.diary == Diary(24 * HOUR, 96 * HOUR)
    assert [each.name for each in shelf.quarantined(bot.model.dd.full_path)] == [training.FILE]


def test_without_a_budget_for_it_freqais_own_scan_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    scan = training._make_scan(lambda model, strategy: seen.append(strategy))
    scan(object(), "strategy")
    assert seen == ["strategy"]
    started: list[Any] = []
    start = training._make_start_scanning(lambda model, *_: started.append(model))
    for enabled in (False, True):
        bot = stage.Bot(tmp_path, stage.Market(), enabled=enabled)
        delattr(bot.model, training.SERVICE)
        start(bot.model, bot.strategy)
        assert (training.service_of(bot.model) is not None) == enabled
    assert len(started) == 2


def test_the_thread_goes_on_after_any_fault_and_ends_with_the_bot(tmp_path: Path) -> None:
    bot = stage.Bot(tmp_path, stage.Market())
    turns: list[int] = []

    def turn(strategy: Any) -> None:
        turns.append(1)
        if len(turns) == 3:
            bot.model._stop_event.set()
        raise ValueError("the database is locked")

    bot.service.turn = turn
    training.PAUSE, before = 0.0, training.PAUSE
    bot.service.run(bot.strategy)
    training.PAUSE = before
    assert len(turns) == 3


def test_alerts_are_events_of_a_live_run(tmp_path: Path) -> None:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "user_data_dir": tmp_path}
    run = begin(config, live=True)
    alerts.record_later("training failed", "x" * 5_000, pair=PAIR)
    alerts.step(SimpleNamespace(rpc=SimpleNamespace(registered_modules=[]), config={}))
    assert alerts.BACKLOG.texts() == []
    assert run.store.events("training failed")[-1].data["pair"] == PAIR
    end()
    run.store.close()


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_freqais_own_is_trained_saved_and_expires_too(tmp_path: Path) -> None:
    from freqtrade.freqai.prediction_models.LightGBMClassifier import LightGBMClassifier

    bot = stage.Bot(tmp_path, stage.Market(), LightGBMClassifier)
    bot.market.whitelist = [PAIR]
    bot.model.model_training_parameters = {"n_estimators": 3, "verbosity": -1, "num_threads": 1}
    bot.model.freqai_info["model_training_parameters"] = bot.model.model_training_parameters
    bot.candle()
    assert bot.turn() == PAIR
    assert bot.service.diary.pairs[PAIR].peak_mb == 0, "its fit is in the bot's own thread"
    bot.candle()
    assert bot.candle()["do_predict"] == 1
    again = stage.Bot(tmp_path, bot.market, LightGBMClassifier)
    assert again.entry == bot.entry
    again.candle()
    assert again.candle()["do_predict"] == 1
    assert again.candle(hours=97)["do_predict"] == FREQAI_EXPIRED


def test_each_expiry_of_a_model_is_told_once(tmp_path: Path) -> None:
    """Expire, renew, expire: a pair with a fresh model has nothing to do with another's."""
    now, trained = [0.0], {"A/USDT": 1.0, "B/USDT": 1.0, "NEW/USDT": 0.0}
    drawer = SimpleNamespace(
        full_path=tmp_path, get_pair_dict_info=lambda pair: ("model", trained[pair], False)
    )
    model = SimpleNamespace(
        config={"timeframe": "1h", "freqpilot": {}},
        freqai_info={"live_retrain_hours": 1, "expiration_hours": 10},
        dd=drawer,
    )
    service = training.Service(model, clock=lambda: now[0])

    def told(hours: float) -> list[str]:
        now[0] = 1.0 + hours * HOUR
        alerts.BACKLOG.clear()
        for _ in range(2):
            for pair in trained:
                service.look(pair, frozenset())
        return [text.split(":")[0] for text in alerts.BACKLOG.texts()]

    assert told(10) == [], "at its last moment it is not old yet"
    trained["B/USDT"] += 5 * HOUR
    assert told(10.1) == ["A/USDT"]
    assert told(11) == []
    trained["A/USDT"] += 11 * HOUR
    assert told(12) == []
    assert told(15.1) == ["B/USDT"]
    assert told(21) == []
    assert told(21.1) == ["A/USDT"]
    trained["A/USDT"] += 11 * HOUR
    assert told(31.9) == [], "fresh again"
    assert told(32.1) == ["A/USDT"]
    assert service.held == frozenset()
