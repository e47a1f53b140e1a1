"""The decision log: one JSON object a line for each entry, veto and latch."""

import json
import logging
from pathlib import Path
from typing import ClassVar

DECISIONS = "freqpilot.decisions"
"""Name of the logger whose records' ``decision`` (a dict) goes into the decision log."""


class DecisionLog(logging.Handler):
    """Writes one JSON object a line for each decision: entries, vetoes, latches.

    :param filename: the file, created with its folder at the first decision; a relative one
        counts from Freqtrade's user_data.
    :param max_bytes: from this size on the file becomes ``FILE.1``, and that ``FILE.2``.
    :param backups: how many of these are kept.
    """

    user_data: ClassVar[Path] = Path("user_data")

    def __init__(
        self,
        filename: str = "logs/freqpilot-decisions.jsonl",
        max_bytes: int = 10_000_000,
        backups: int = 5,
    ) -> None:
        super().__init__()
        self.filename = Path(filename)
        self.max_bytes, self.backups = max_bytes, backups

    @property
    def file(self) -> Path:
        """Where the log is written."""
        return self.user_data / self.filename

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record's decision; a full disk is reported as any logging fault is."""
        decision = getattr(record, "decision", None)
        if decision is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({"logged": record.created, "what": record.getMessage(), **decision})
            self._turn()
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        except (OSError, TypeError, ValueError):
            self.handleError(record)

    def _turn(self) -> None:
        """Begin a new file where the last one is full."""
        file = self.file
        if not file.is_file() or file.stat().st_size < self.max_bytes:
            return
        for number in range(self.backups, 0, -1):
            older = file.with_name(f"{file.name}.{number}")
            newer = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
            if newer.exists():
                newer.replace(older)
        if self.backups < 1:
            file.unlink()
