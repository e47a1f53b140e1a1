"""What is known of the models on disk, for ``freqpilot models`` and ``freqpilot doctor``: read
only, beside a running bot or without one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded
from freqpilot.models.training import shelf
from freqpilot.models.training.diary import FILE, Course, Diary
from freqpilot.models.training.shelf import SetAside


@dataclass(frozen=True)
class Line:
    """One pair's model under one identifier. Times are seconds since the epoch, 0 for never;
    ``expires`` 0 where it does not; ``fault`` is why its files cannot be used, empty when they can.
    """

    identifier: str
    pair: str
    model: str
    trained: float
    expires: float
    fault: str
    course: Course

    def well(self, now: float) -> bool:
        """Tell whether entries by this model are possible."""
        return bool(self.trained) and not self.fault and not 0 < self.expires < now


@dataclass(frozen=True)
class Inventory:
    """The models of one user_data folder, and what was set aside; ``faults`` are diaries that
    cannot be read."""

    lines: tuple[Line, ...] = ()
    aside: tuple[tuple[str, SetAside], ...] = ()
    faults: tuple[str, ...] = ()


def read(user_data: Path, identifier: str = "") -> Inventory:
    """Return what is known of the models in ``user_data/models``, the newest identifier first.

    :param identifier: only those of the config's identifier, to which the host adds a digest of
        labels and parameters.
    """
    root = user_data / "models"
    # The strategy and the model are a folder within the one of labels and parameters.
    every = [*root.glob("*"), *root.glob("*/by-*")]
    folders = [path for path in every if path.is_dir() and _is_ours(path)]
    if identifier:
        folders = [path for path in folders if _name(path, root).split("~")[0] == identifier]
    lines: list[Line] = []
    aside: list[tuple[str, SetAside]] = []
    faults = []
    for folder in sorted(folders, key=_age, reverse=True):
        try:
            diary = Diary.load(folder)
        except Degraded as error:
            faults.append(str(error))
            diary = Diary()
        name = _name(folder, root)
        lines += _lines(folder, name, diary)
        aside += [(name, each) for each in shelf.quarantined(folder)]
    return Inventory(tuple(lines), tuple(aside), tuple(faults))


def _name(folder: Path, root: Path) -> str:
    """Return the identifier as FreqAI knows it."""
    return folder.relative_to(root).as_posix()


def _lines(folder: Path, name: str, diary: Diary) -> list[Line]:
    newest: dict[str, shelf.Shelved] = {}
    for each in shelf.shelved(folder):
        newest.setdefault(each.pair, each)
    found = []
    for pair in sorted({*newest, *diary.pairs}):
        course = diary.pairs.get(pair, Course())
        model = newest.get(pair)
        if model is None:
            found.append(Line(name, pair, "", 0.0, 0.0, "there is none", course))
            continue
        expires = model.trained + diary.expires if diary.expires else 0.0
        fault = _fault(model.folder)
        found.append(Line(name, pair, model.model, model.trained, expires, fault, course))
    return found


def _fault(folder: Path) -> str:
    try:
        shelf.verify(folder)
    except Degraded as error:
        return str(error)
    return ""


def _is_ours(folder: Path) -> bool:
    return (folder / FILE).exists() or any(folder.glob(f"*/{shelf.LABEL}"))


def _age(folder: Path) -> float:
    file = folder / FILE
    return (file if file.exists() else folder).stat().st_mtime


def describe(config: dict[str, Any], now: float) -> str:
    """Return one line for ``freqpilot doctor``.

    :raises Degraded: when a file is broken. A model that is missing or has expired is none: the bot
        was off, or it is trained next.
    """
    freqai = config.get("freqai", {})
    if not freqai.get("enabled", False):
        return "FreqAI is off, so no model is trained"
    base = str(freqai.get("identifier", "")).split("~")[0]
    found = read(Path(config["user_data_dir"]), base)
    if not found.lines:
        return "no model yet: the bot trains them when it runs; entries wait for them"
    newest = found.lines[0].identifier
    lines = [line for line in found.lines if line.identifier == newest]
    bad = [line.pair for line in lines if not line.well(now)]
    text = f"{len(lines) - len(bad)} of {len(lines)} models can be used"
    if bad:
        text += f", no entries by those of {', '.join(bad)} until they are trained"
    held = [each for name, each in found.aside if name == newest]
    if held:
        text += f", {len(held)} in quarantine"
    broken = [line.fault for line in lines if line.trained and line.fault]
    if broken or found.faults:
        raise Degraded(f"{text}. {[*broken, *found.faults][0]}")
    return text
