"""FreqAI's files on its live path: a kill, a full disk or a turned bit stops no bot."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import training_stage as stage

from freqpilot.host.alerts import events as alerts
from freqpilot.host.freqai.training import files as modelfiles
from freqpilot.host.freqai.training import service as training
from freqpilot.models.base import artefact
from freqpilot.models.training import shelf

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")
PAIR = stage.PAIRS[0]


@pytest.fixture(autouse=True)
def positions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(training, "_held", frozenset)
    yield
    alerts.begin_anew()


@pytest.fixture
def bot(tmp_path: Path) -> stage.Bot:
    """Return a bot that forecasts."""
    found = stage.Bot(tmp_path, stage.Market(), own_process=False)
    found.market.whitelist = [PAIR]
    found.candle()
    assert found.turn() == PAIR
    found.candle()
    assert found.candle()["do_predict"] == 1
    return found


def restarted(bot: stage.Bot) -> stage.Bot:
    return stage.Bot(bot.model.dd.full_path.parents[2], bot.market, own_process=False)


class Killed(BaseException):
    """The process ends here: nothing that it would do later is done."""


MOMENTS = (
    (shelf, "label"),
    (shelf, "stamp"),
    (shelf, "publish"),
    (modelfiles.json, "loads"),
    (artefact.os, "fsync"),
)


@pytest.mark.parametrize(("owner", "name"), MOMENTS)
def test_a_kill_while_a_model_is_saved_leaves_the_last_one(
    bot: stage.Bot, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    before = bot.entry
    bot.candle(hours=25)

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, kill)
        with pytest.raises(Killed):
            bot.turn()
    again = restarted(bot)
    assert again.entry == before
    again.candle()
    row = again.candle()
    assert row["do_predict"] == 1
    assert bot.market.messages == [], "nothing was lost, so nothing is told"
    assert not list(again.model.dd.full_path.glob(f"{shelf.UNFINISHED}*"))
    assert again.turn() == PAIR


def test_a_full_disk_is_a_failed_fit(bot: stage.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    before, kept = bot.entry, bot.model.dd.model_dictionary[PAIR]
    bot.candle(hours=25)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shelf, "publish", full)
        assert bot.turn() == PAIR
    assert bot.entry == before
    assert bot.model.dd.model_dictionary[PAIR] is kept
    assert bot.candle()["do_predict"] == 1
    assert "No space left on device" in bot.market.messages[0]


def test_a_truncated_list_of_models_is_made_anew_from_the_folders(bot: stage.Bot) -> None:
    file = bot.model.dd.pair_dictionary_path
    file.write_text(file.read_text(encoding="utf-8")[:20], encoding="utf-8")
    again = restarted(bot)
    assert again.entry == bot.entry
    assert shelf.quarantined(bot.model.dd.full_path)[0].name == file.name
    again.candle()
    assert "list of models cannot be read" in again.market.messages[0]


def test_a_list_that_says_too_much_is_not_believed(bot: stage.Bot) -> None:
    file = bot.model.dd.pair_dictionary_path
    told = json.loads(file.read_text(encoding="utf-8"))
    told[PAIR]["trained_timestamp"] += 10_000_000
    told["XRP/USDT"] = dict(told[PAIR])
    file.write_text(json.dumps(told), encoding="utf-8")
    again = restarted(bot)
    assert again.entry == bot.entry, "a model that never expires"
    assert "XRP/USDT" not in again.model.dd.pair_dict


@pytest.mark.parametrize("spare", [True, False])
def test_kept_predictions_that_were_changed_are_not_unpickled(bot: stage.Bot, spare: bool) -> None:
    bot.market.now += 26 * stage.HOUR
    bot.turn()  # FreqAI keeps them with each fit
    drawer = bot.model.dd
    file, other = drawer.historic_predictions_path, drawer.historic_predictions_bkp_path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    if not spare:
        other.write_bytes(content)
    again = restarted(bot)
    assert (PAIR in again.model.dd.historic_predictions) == spare
    assert shelf.quarantined(drawer.full_path)[0].name == file.name
    again.candle()
    assert "kept predictions are corrupt" in again.market.messages[0]
    assert again.candle()["do_predict"] == 1, "the model is another file"


def test_kept_predictions_of_another_world_stop_no_start(bot: stage.Bot) -> None:
    file = bot.model.dd.historic_predictions_path
    file.write_bytes(b"from another world")
    modelfiles._note_digest(file, modelfiles._digest(file))
    again = restarted(bot)
    assert again.model.dd.historic_predictions == {}
    again.candle()
    assert "cannot be read" in again.market.messages[0]


def test_files_that_matter_less_stop_no_start(bot: stage.Bot) -> None:
    for name in ("global_metadata_path", "pair_dictionary_path"):
        getattr(bot.model.dd, name).write_text("{", encoding="utf-8")
    again = restarted(bot)
    assert again.model.metadata == {}
    again.candle()
    assert again.candle()["do_predict"] == 1


def test_a_writer_that_fails_leaves_the_file_as_it_was(
    bot: stage.Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawer = bot.model.dd
    before = drawer.pair_dictionary_path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(modelfiles, "sync", full)
    drawer.pair_dict[PAIR]["trained_timestamp"] = 7
    with pytest.raises(OSError, match="No space"):
        drawer.save_drawer_to_disk()
    assert drawer.pair_dictionary_path.read_bytes() == before
    assert drawer.pair_dictionary_path.name == "pair_dictionary.json"


def test_old_models_go_by_what_they_are(bot: stage.Bot) -> None:
    root = bot.model.dd.full_path
    failed = [root / f"sub-train-BTC_9{number:09}" for number in range(3)]
    for folder in failed:
        folder.mkdir()
    for _ in range(3):
        bot.candle(hours=25)
        assert bot.turn() == PAIR
    assert len(shelf.shelved(root)) == 2
    assert not any(folder.exists() for folder in failed)
    assert bot.candle()["do_predict"] == 1


class Interrupted(dict[str, Any]):
    """Lets another thread run while it is read."""

    def __init__(self, content: dict[str, Any], read: threading.Event) -> None:
        super().__init__(content)
        self.read, self.swapped = read, threading.Event()

    def __getitem__(self, key: str) -> Any:
        found = super().__getitem__(key)
        self.read.set()
        self.swapped.wait(0.3)
        return found


def test_the_bot_never_sees_half_of_a_new_model(bot: stage.Bot) -> None:
    """A new model in the middle of a look-up: what comes back is of one fit."""
    drawer, read = bot.model.dd, threading.Event()
    old = drawer.model_dictionary[PAIR]
    bot.candle(hours=25)
    slow = drawer.meta_data_dictionary = Interrupted(drawer.meta_data_dictionary, read)

    def save() -> None:
        read.wait(10)
        bot.turn()
        slow.swapped.set()

    thread = threading.Thread(target=save)
    thread.start()
    kitchen = type("Kitchen", (), {"live": True})()
    before = dict.__getitem__(slow, PAIR)["metadata"]
    model = drawer.load_data(PAIR, kitchen)
    thread.join()
    assert drawer.model_dictionary[PAIR] is not old
    assert (model is old) == (kitchen.data is before)


def test_a_backtest_saves_and_loads_by_the_same_files(tmp_path: Path, bot: stage.Bot) -> None:
    drawer = bot.model.dd
    drawer.config = {**drawer.config, "runmode": "backtest"}
    kitchen = type("Kitchen", (), {"live": False})()
    kitchen.data_path, kitchen.model_filename = Path(bot.entry.data_path), bot.entry.model_filename
    drawer.model_dictionary.clear()
    model = drawer.load_data(PAIR, kitchen)
    assert np.isfinite(model.predict(np.zeros((1, 3), np.float32)).mean).all()
    next(kitchen.data_path.glob("*_metadata.json")).write_text("{}", encoding="utf-8")
    from freqtrade.exceptions import OperationalException

    with pytest.raises(OperationalException, match="corrupt or was changed"):
        drawer.load_data(PAIR, kitchen)
    assert kitchen.data_path.exists(), "a backtest moves no files"


class Shelf:
    """A drawer of one kept file, and the reader and writer that are put around FreqAI's."""

    def __init__(self, folder: Path) -> None:
        self.historic_predictions_path = folder / "historic_predictions.pkl"
        self.historic_predictions_bkp_path = folder / "historic_predictions.backup.pkl"
        self.historic_predictions: dict[str, str] = {}

    def write(self, content: str) -> None:
        def original(drawer: Shelf) -> None:
            drawer.historic_predictions_path.write_text(content, encoding="utf-8")

        modelfiles.make_write_whole("historic_predictions_path")(original)(self)

    def read(self) -> str | None:
        """Return what is read; None where nothing is believed."""

        def original(drawer: Shelf) -> str | None:
            path = drawer.historic_predictions_path
            return path.read_text(encoding="utf-8") if path.is_file() else None

        found: str | None = modelfiles.make_read_predictions(original)(self)
        return found


@pytest.mark.parametrize("kills", [0, 1, 2])
def test_a_kill_before_a_file_is_replaced_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    """The new file's digest is noted first; that of the file that stays is not forgotten."""
    kept = Shelf(tmp_path)
    kept.write("one")
    kept.write("two")
    assert kept.read() == "two"

    def kill(*_: Any) -> None:
        raise Killed

    replace = Path.replace
    for number in range(kills):
        with monkeypatch.context() as patch:
            patch.setattr(
                Path,
                "replace",
                lambda path, to: kill() if to.suffix == ".pkl" else replace(path, to),
            )
            with pytest.raises(Killed):
                kept.write(f"never {number}")
    assert kept.read() == "two"
    kept.write("three")
    assert kept.read() == "three"


def test_the_copy_of_the_file_before_is_believed_where_the_file_is_not(tmp_path: Path) -> None:
    kept = Shelf(tmp_path)
    kept.write("one")
    kept.historic_predictions_bkp_path.write_text("one", encoding="utf-8")
    kept.write("two")
    kept.historic_predictions_path.write_text("three", encoding="utf-8")
    assert kept.read() == "one"


def test_what_nobody_wrote_is_set_aside(tmp_path: Path) -> None:
    kept = Shelf(tmp_path)
    kept.write("one")
    kept.historic_predictions_path.write_text("two", encoding="utf-8")
    kept.historic_predictions_bkp_path.write_text("three", encoding="utf-8")
    assert kept.read() is None
    assert len(shelf.quarantined(tmp_path)) == 1
