"""Model files: JSON beside a digest of itself, never a pickle."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded


def write(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` as JSON with a digest of it, whole or not at all."""
    body = json.dumps(content, sort_keys=True)
    write_whole(path, json.dumps({"digest": _digest(body), "content": body}))


def write_whole(path: Path, text: str) -> None:
    """Replace a file by ``text``: a kill or a power cut leaves the old one or the new one."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> dict[str, Any]:
    """Return what :func:`write` wrote.

    :raises Degraded: when the file is missing, is none of ours, or was changed.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        body = document["content"]
        if _digest(body) != document["digest"]:
            raise ValueError("its content does not fit its digest")
        return dict(json.loads(body))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise corrupt(path, error) from None


def corrupt(path: Path, error: Exception) -> Degraded:
    """Return the error of a file that cannot be used."""
    return Degraded(
        f"the model file {path} is corrupt or missing ({error}), so it is not used: no "
        "entry on it until it is trained anew; the file was left as it is"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
