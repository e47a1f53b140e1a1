"""FreqAI's files: written whole, checked before they are read, set aside when they are broken.

FreqAI writes each file in place and believes ``pair_dictionary.json``. Here a model's folder
appears whole or not at all, and a bot that starts believes the folders: the newest whose files are
as they were written is a pair's model, whatever the dictionary says.
"""

import copy
import hashlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded
from freqpilot.host.alerts import events as alerts
from freqpilot.host.seams.freqtrade import Drawer, Kitchen
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.models.base.artefact import sync, write_whole
from freqpilot.models.training import shelf

logger = logging.getLogger(__name__)

LOCK = threading.RLock()
"""Held while a model is swapped or looked up: the bot's thread never sees half of a new one."""
STAMPS = ".digests"
EMPTY: dict[str, Any] = {
    "model_filename": "",
    "trained_timestamp": 0,
    "data_path": "",
    "extras": {},
}


class NoModel(Degraded):
    """A fit gave no model, so there is nothing to save; the last good one stays in use."""


def is_live(drawer: Drawer) -> bool:
    """Tell whether a drawer belongs to a live or dry run."""
    return str(drawer.config.get("runmode", "")) in ("live", "dry_run")


def set_aside(path: Path, pair: str, reason: str) -> None:
    """Move a broken file or folder to quarantine, and tell the person."""
    to = shelf.quarantine(path, pair, reason, time.time())
    whose = f"{pair}: " if pair else ""
    alerts.record_later(
        "model quarantined",
        f"{whose}{reason} It was moved to {to}; open trades keep their stops and exits, the last "
        "good model is used if there is one, and the next fit replaces it.",
        pair=pair,
    )


def recover(drawer: Drawer) -> None:
    """Fill a live drawer's dictionary from the folders on disk, after every one was verified."""
    root = drawer.full_path
    shelf.clear_unfinished(root)
    for each in shelf.shelved(root):
        try:
            shelf.verify(each.folder)
        except Degraded as error:
            set_aside(each.folder, each.pair, str(error))
    drawer.pair_dict = {}
    for each in reversed(shelf.shelved(root)):
        drawer.pair_dict[each.pair] = _entry(each)


def place(drawer: Drawer, pair: str) -> None:
    """Let a pair's entry point to its newest good model, or to none."""
    found = shelf.newest_good(
        drawer.full_path, pair, lambda path, reason: set_aside(path, pair, reason)
    )
    drawer.pair_dict[pair] = _entry(found) if found else dict(EMPTY)


def _entry(found: shelf.Shelved) -> dict[str, Any]:
    return {
        "model_filename": found.filename,
        "trained_timestamp": found.trained,
        "data_path": str(found.folder),
        "extras": {},
    }


def make_save(original: Callable[..., Any]) -> Callable[..., Any]:
    def save_data(self: Drawer, model: Any, coin: str, dk: Kitchen) -> None:
        """Write the model's files into a folder of their own, which gets its name once it is whole
        and stamped; then take the model into use.

        :raises NoModel: when the fit gave none.
        """
        if model is None:
            raise NoModel(f"{coin}: the fit gave no model; the last good one stays in use")
        target, entry = Path(dk.data_path), self.pair_dict[coin]
        unfinished = target.with_name(f"{shelf.UNFINISHED}{target.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        # A copy takes what FreqAI notes, so that nothing is in use before it is on the disk.
        shadow = copy.copy(self)
        shadow.pair_dict = {coin: dict(entry)}
        shadow.model_dictionary, shadow.meta_data_dictionary = {}, {}
        shadow.save_drawer_to_disk = lambda: None
        dk.data_path = unfinished
        try:
            original(shadow, model, coin, dk)
        finally:
            dk.data_path = target
        dk.data["data_path"] = str(target)
        _rewrite_path(unfinished / f"{dk.model_filename}_metadata.json", target)
        trained = int(entry["trained_timestamp"])
        kind = str(self.config.get("freqaimodel", ""))
        shelf.label(unfinished, shelf.Shelved(target, coin, str(dk.model_filename), trained, kind))
        shelf.stamp(unfinished)
        shelf.publish(unfinished, target, durable=is_live(self))
        with LOCK:
            self.model_dictionary[coin] = model
            self.meta_data_dictionary[coin] = shadow.meta_data_dictionary[coin]
            entry["model_filename"], entry["data_path"] = dk.model_filename, str(target)
        self.save_drawer_to_disk()

    return save_data


def _rewrite_path(file: Path, target: Path) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))
    told["data_path"] = str(target)
    file.write_text(json.dumps(told), encoding="utf-8")


def make_load(original: Callable[..., Any]) -> Callable[..., Any]:
    def load_data(self: Drawer, coin: str, dk: Kitchen) -> Any:
        if not dk.live:
            return _load_window(original, self, coin, dk)
        with LOCK:
            while coin not in self.model_dictionary and self.pair_dict[coin]["model_filename"]:
                place(self, coin)
                entry = self.pair_dict[coin]
                try:
                    return original(self, coin, dk)
                except Exception as error:  # whole, but made by another version of something
                    self.meta_data_dictionary.pop(coin, None)
                    reason = f"the model cannot be read ({type(error).__name__}: {error})."
                    set_aside(Path(entry["data_path"]), coin, reason)
            return original(self, coin, dk)

    return load_data


def _load_window(original: Callable[..., Any], drawer: Drawer, coin: str, dk: Kitchen) -> Any:
    from freqtrade.exceptions import OperationalException

    if drawer.pair_dict[coin]["model_filename"]:
        try:
            shelf.verify(dk.data_path)
        except Degraded as error:
            raise OperationalException(str(error)) from None
    # FreqAI would give a loaded model the pipeline of the last window it trained.
    drawer.meta_data_dictionary.pop(coin, None)
    return original(drawer, coin, dk)


def make_purge(_original: Callable[..., Any]) -> Callable[..., Any]:
    def purge_old_models(self: Drawer) -> None:
        keep = self.freqai_info["purge_old_models"]
        if not keep:
            return
        used = [Path(entry["data_path"]) for entry in self.pair_dict.values() if entry["data_path"]]
        for path in shelf.purge(self.full_path, 2 if isinstance(keep, bool) else keep, used):
            logger.info("Purged the old model %s", path.name)

    return purge_old_models


def make_read_drawer(original: Callable[..., Any]) -> Callable[..., Any]:
    def load_drawer_from_disk(self: Drawer) -> None:
        try:
            original(self)
        except Exception as error:
            # The folders say the same.
            self.pair_dict = {}
            reason = f"FreqAI's list of models cannot be read ({type(error).__name__}: {error})."
            set_aside(self.pair_dictionary_path, "", reason)
        if is_live(self):
            recover(self)

    return load_drawer_from_disk


def make_read_json(name: str, empty: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the maker of a reader that sets a broken file aside; ``name`` is its attribute."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def read(self: Drawer) -> Any:
            try:
                return original(self)
            except ValueError as error:
                set_aside(getattr(self, name), "", f"a file of FreqAI cannot be read ({error}).")
                return empty(self)

        return read

    return make


def make_write_whole(name: str) -> Callable[..., Any]:
    """Return the maker of a writer that replaces its file at once; ``name`` is its attribute."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: Drawer, *arguments: object, **named: object) -> None:
            path: Path = getattr(self, name)
            writer = copy.copy(self)
            beside = path.with_name(f".{path.name}.new")
            setattr(writer, name, beside)
            with LOCK:
                original(writer, *arguments, **named)
                sync(beside)
                if path.suffix == ".pkl":
                    _note_digest(path, _digest(beside))
                beside.replace(path)
                sync(path.parent)

        return write

    return make


def make_read_predictions(original: Callable[..., Any]) -> Callable[..., Any]:
    def load_historic_predictions_from_disk(self: Drawer) -> Any:
        """Read FreqAI's kept predictions, a pickle, only as they were written: else the copy that
        it keeps, else none."""
        path, spare = self.historic_predictions_path, self.historic_predictions_bkp_path
        if path.is_file() and not _is_ours(path, path):
            reason = "FreqAI's kept predictions are corrupt or were changed, so they are not read."
            set_aside(path, "", reason)
        if not path.is_file() and spare.is_file() and _is_ours(spare, path):
            shutil.copy(spare, path)
        try:
            return original(self)
        except Exception as error:  # whole, but of another version of something
            reason = f"FreqAI's kept predictions cannot be read ({type(error).__name__}: {error})."
            set_aside(path, "", reason)
            self.historic_predictions = {}
            return False

    return load_historic_predictions_from_disk


def _stamps(path: Path) -> list[str]:
    try:
        found = json.loads(path.with_name(f"{path.name}{STAMPS}").read_text(encoding="utf-8"))
        return [str(each) for each in found]
    except (OSError, ValueError, TypeError):
        return []


def _note_digest(path: Path, digest: str) -> None:
    # The former one stays: a kill before the file is replaced leaves that one.
    known = [digest, *_stamps(path)][:3]
    write_whole(path.with_name(f"{path.name}{STAMPS}"), json.dumps(known))


def _is_ours(file: Path, stamped_as: Path) -> bool:
    return _digest(file) in _stamps(stamped_as)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


READERS: dict[str, Callable[..., Any]] = {
    "load_drawer_from_disk": make_read_drawer,
    "load_historic_predictions_from_disk": make_read_predictions,
    "load_global_metadata_from_disk": make_read_json("global_metadata_path", lambda _: {}),
    "load_metric_tracker_from_disk": make_read_json("metric_tracker_path", lambda _: None),
}
WRITERS: dict[str, Callable[..., Any]] = {
    "save_drawer_to_disk": make_write_whole("pair_dictionary_path"),
    "save_historic_predictions_to_disk": make_write_whole("historic_predictions_path"),
    "save_global_metadata_to_disk": make_write_whole("global_metadata_path"),
    "save_metric_tracker_to_disk": make_write_whole("metric_tracker_path"),
}


DRAWER = "freqtrade.freqai.data_drawer:FreqaiDataDrawer"
SEAMS = (
    Seam(
        "freqai.files",
        "write FreqAI's files whole, and check them before they are read",
        until="FreqAI writes its files at once and checks what it reads",
        places=(
            Place(f"{DRAWER}.save_data", ["model", "coin", "dk"], make_save),
            Place(f"{DRAWER}.load_data", ["coin", "dk"], make_load),
            Place(f"{DRAWER}.purge_old_models", make=make_purge),
            *(
                Place(f"{DRAWER}.{name}", make=make)
                for name, make in {**READERS, **WRITERS}.items()
            ),
        ),
    ),
)
