"""What every scorer of texts is (pure)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class Scored(NamedTuple):
    """How a text sounds: ``score`` −1…1, ``confidence`` above 0 up to 1."""

    score: float
    confidence: float


class Scorer(Protocol):
    """Gives texts their scores. Name and version are kept beside each score.

    ``known_from``: nothing that it says could have been known before; None for rules that were not
    trained on texts.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def known_from(self) -> datetime | None: ...

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return one for each text."""
        ...


def model_of(scorer: Scorer) -> str:
    """Return what items keep of a scorer: its name and version."""
    return f"{scorer.name}-{scorer.version}"
