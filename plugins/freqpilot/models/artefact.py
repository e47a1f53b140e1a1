"""Model files: JSON beside a digest of itself, never a pickle."""

import hashlib
import json
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded


def write(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` as JSON with a digest of it."""
    body = json.dumps(content, sort_keys=True)
    path.write_text(json.dumps({"digest": _digest(body), "content": body}), encoding="utf-8")


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
