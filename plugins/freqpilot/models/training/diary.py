"""What the training service did, kept beside the models for the next start and for people."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from freqpilot.models.base import artefact
from freqpilot.models.training.schedule import HOUR, Spent

FILE = "freqpilot-training.json"


@dataclass
class Course:
    """How the fits of one pair went. Times are seconds since the epoch, 0 for never; ``failures``
    in a row; ``seconds`` and ``peak_mb`` of the last good fit."""

    fitted_at: float = 0.0
    seconds: float = 0.0
    peak_mb: float = 0.0
    failures: int = 0
    failed_at: float = 0.0
    reason: str = ""
    retry_at: float = 0.0


@dataclass
class Diary:
    """The pace (seconds), the courses by pair and the fits of the last hour."""

    retrain: float = 0.0
    expires: float = 0.0
    pairs: dict[str, Course] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)

    def of(self, pair: str) -> Course:
        """Return a pair's course, a new one for a new pair."""
        return self.pairs.setdefault(pair, Course())

    def forget(self, now: float) -> None:
        """Drop fits that count no more, and waits from before the clock was put back."""
        self.spent = [each for each in self.spent if now - HOUR < each.end <= now + HOUR]
        for course in self.pairs.values():
            if course.failed_at > now:
                course.retry_at = 0.0

    def save(self, root: Path) -> None:
        """Write the diary whole, with a digest."""
        artefact.write(root / FILE, asdict(self))

    @classmethod
    def load(cls, root: Path) -> "Diary":
        """Read the diary, an empty one where there is none.

        :raises Degraded: when the file was changed or is none.
        """
        path = root / FILE
        if not path.exists():
            return cls()
        told: dict[str, Any] = artefact.read(path)
        try:
            return cls(
                float(told["retrain"]),
                float(told["expires"]),
                {pair: Course(**course) for pair, course in told["pairs"].items()},
                [Spent(**each) for each in told["spent"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise artefact.corrupt(path, error) from None
