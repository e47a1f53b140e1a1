"""Folders of model files: written whole, stamped with digests, checked before they are used.

A folder that is not as it was written is moved to ``quarantine`` beside the others, with the
reason.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from freqpilot.errors import Degraded
from freqpilot.models.base.artefact import sync, write_whole

DIGESTS = "freqpilot-digests.json"
LABEL = "freqpilot-model.json"
QUARANTINE = "quarantine"
UNFINISHED = ".saving-"
"""How the folder of a model begins that is being written."""


@dataclass(frozen=True)
class Shelved:
    """A model's folder: of which ``pair``, FreqAI's ``filename``, ``trained`` until when it saw
    candles (seconds since the epoch), and which class of ``model`` it is."""

    folder: Path
    pair: str
    filename: str
    trained: int
    model: str = ""


@dataclass(frozen=True)
class SetAside:
    """A folder or file in quarantine, since when (seconds since the epoch) and why."""

    name: str
    pair: str
    at: float
    reason: str


def stamp(folder: Path) -> None:
    """Keep a digest of each file of ``folder`` in it."""
    digests = {file.name: _digest(file) for file in sorted(folder.iterdir()) if _counts(file)}
    (folder / DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def verify(folder: Path) -> None:
    """Check the files of a folder before any is unpickled.

    :raises Degraded: when one is missing, changed or was never stamped; the files stay as they are.
    """
    try:
        digests = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        if not isinstance(digests, dict) or not digests:
            raise ValueError("it names no file")
    except (OSError, ValueError) as error:
        raise Degraded(
            f"the model in {folder} carries no readable digest ({error}), so it is not loaded: "
            "there is no entry for this pair until it is trained anew; remove the folder to do so"
        ) from None
    for name, digest in digests.items():
        file = folder / name
        if not file.is_file() or _digest(file) != digest:
            raise Degraded(
                f"the model file {file} is corrupt or was changed, so it is not loaded: there is "
                "no entry for this pair until it is trained anew; remove its folder to do so"
            )


def label(folder: Path, shelved: Shelved) -> None:
    """Write into a folder what it holds; :func:`stamp` comes after it."""
    content = {**asdict(shelved), "folder": shelved.folder.name}
    (folder / LABEL).write_text(json.dumps(content), encoding="utf-8")


def publish(unfinished: Path, target: Path, *, durable: bool = True) -> None:
    """Put a stamped folder in its place, so that a kill at any moment leaves none or all of it;
    ``durable`` also after a power cut."""
    if durable:
        for file in (*unfinished.iterdir(), unfinished):
            sync(file)
    if target.is_dir():  # TensorBoard writes there before the model does
        for file in target.iterdir():
            if not (unfinished / file.name).exists() and file.name not in (DIGESTS, LABEL):
                file.rename(unfinished / file.name)
        shutil.rmtree(target)
    unfinished.rename(target)
    if durable:
        sync(target.parent)


def shelved(root: Path) -> list[Shelved]:
    """Return the models below ``root`` as they say of themselves, unverified, newest first."""
    found = []
    for file in root.glob(f"*/{LABEL}"):
        if file.parent.name.startswith(UNFINISHED):
            continue
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            told["folder"], told["trained"] = file.parent, int(told["trained"])
            found.append(Shelved(**told))
        except (OSError, ValueError, TypeError, KeyError):
            # It is of no pair then, and not used; the digests say that it is corrupt.
            found.append(Shelved(file.parent, "", "", 0))
    return sorted(found, key=lambda each: (-each.trained, each.folder.name))


def newest_good(root: Path, pair: str, set_aside: Callable[[Path, str], None]) -> Shelved | None:
    """Return the newest model of a pair whose files are as they were written, None without one;
    those that are not go to ``set_aside`` with the reason."""
    for each in shelved(root):
        if each.pair != pair:
            continue
        try:
            verify(each.folder)
        except Degraded as error:
            set_aside(each.folder, str(error))
        else:
            return each
    return None


def quarantine(path: Path, pair: str, reason: str, now: float) -> Path:
    """Move a folder or file to ``quarantine`` beside it, with the reason; return its new place."""
    home = path.parent / QUARANTINE
    home.mkdir(exist_ok=True)
    target, number = home / path.name, 1
    while target.exists():
        number += 1
        target = home / f"{path.name}.{number}"
    path.rename(target)
    about = SetAside(target.name, pair, now, reason)
    write_whole(home / f"{target.name}.reason", json.dumps(asdict(about)))
    return target


def quarantined(root: Path) -> list[SetAside]:
    """Return what is in quarantine below ``root``, the newest first."""
    found = []
    for file in (root / QUARANTINE).glob("*.reason"):
        try:
            found.append(SetAside(**json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            found.append(SetAside(file.name.removesuffix(".reason"), "", 0.0, "unknown"))
    return sorted(found, key=lambda each: -each.at)


def clear_unfinished(root: Path) -> None:
    """Remove what a kill left half written."""
    for folder in root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def purge(root: Path, keep: int, in_use: Collection[Path]) -> list[Path]:
    """Remove all but the ``keep`` newest models of each pair, and folders of fits that came to
    nothing; never one that is in use. Return what was removed.

    FreqAI counts folders by name: those of failed fits would push out the last good model.
    """
    used = {path.resolve() for path in in_use}
    count: dict[str, int] = {}
    old = []
    for each in shelved(root):
        count[each.pair] = count.get(each.pair, 0) + 1
        if each.pair and count[each.pair] > keep:
            old.append(each.folder)
    old += [path for path in root.glob("sub-train-*") if not (path / DIGESTS).exists()]
    old = [path for path in old if path.resolve() not in used]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return old


def _counts(file: Path) -> bool:
    return file.is_file() and file.name != DIGESTS


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
