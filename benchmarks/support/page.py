"""What benchmarks share about their pages and objects."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_section(file: Path, begin: str, end: str, section: str) -> None:
    """Put ``section``, which holds its markers, in place of the former one, or at the end."""
    text = file.read_text(encoding="utf-8") if file.is_file() else "# Results\n"
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        after = rest.split(end, 1)[1].removeprefix("\n")
    else:
        before, after = text.rstrip("\n") + "\n\n", ""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(before + section + after, encoding="utf-8")


def data_digest(datadir: Path, pairs: Sequence[str]) -> str:
    """Return a short digest of the 1h candles of ``pairs``."""
    digest = hashlib.sha256()
    for pair in sorted(pairs):
        file = datadir / f"{pair.replace('/', '_')}-1h.feather"
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:12]


def finite(value: Any) -> Any:
    """Return ``value`` with NaN as null, which JSON knows."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
