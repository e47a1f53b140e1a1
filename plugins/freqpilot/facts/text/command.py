"""Texts on a bot's configuration: the coins it names, training, trying it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from freqpilot.errors import RefuseToStart
from freqpilot.facts.feeds import Feed
from freqpilot.facts.health import FAILING, Health
from freqpilot.facts.store import FactStore
from freqpilot.facts.text import head, labelled, scorers
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.events import TextEvent, events_of
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.link import Link, Taxonomy
from freqpilot.facts.text.scorer import Scored, Scorer, model_of
from freqpilot.facts.text.step import FEED, TextStep, source_named
from freqpilot.settings import Settings

LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Tried:
    """What is made of one text."""

    text: str
    model: str
    scored: Scored
    links: tuple[Link, ...]
    events: tuple[TextEvent, ...]


def scorer_of(settings: Settings, user_data: Path) -> Scorer:
    """Return the scorer that is configured; a relative path counts from ``user_data``.

    :raises RefuseToStart: when it cannot be used.
    """
    return scorers.scorer_of(settings.facts.text, user_data)


def step_of(store: FactStore, settings: Settings, user_data: Path) -> TextStep | None:
    """Return the collector's step for texts; None where it is switched off.

    :raises RefuseToStart: when the scorer cannot be used.
    """
    text = settings.facts.text
    if not text.enabled:
        return None
    return TextStep(store, scorer_of(settings, user_data), text, Taxonomy(text.assets))


def tried(settings: Settings, user_data: Path, texts: Sequence[str]) -> list[Tried]:
    """Return what is made of texts, in their order."""
    scorer, taxonomy = scorer_of(settings, user_data), Taxonomy(settings.facts.text.assets)
    found = []
    for text, scored in zip(texts, scorer.score(texts), strict=True):
        links = taxonomy.link(text)
        found.append(Tried(clean(text), model_of(scorer), scored, links, events_of(text, links)))
    return found


def train(data: Sequence[Path], out: Path, name: str, now: datetime) -> tuple[head.Head, int]:
    """Train a head on labelled csv files, write it and return it with the number of texts.

    :raises RefuseToStart: when a file cannot be read or holds too little.
    """
    texts: list[str] = []
    labels: list[int] = []
    for file in data:
        read = labelled.read(file)
        texts += read.texts
        labels += read.labels
    made = head.train(texts, labels, name, now)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        head.save(made, out)
    except OSError as error:
        raise RefuseToStart(f"{out} cannot be written ({error}); nothing else changed") from None
    return made, len(texts)


def text_source(settings: Settings, user_data: Path) -> str:
    """Return the source that the figures have; ``text`` where the scorer cannot be read."""
    try:
        name = scorers.name_of(settings.facts.text, user_data)
    except RefuseToStart:
        name = Lexicon.name
    return source_named(name)


def text_health(name: str, feed: Feed | None, now: datetime) -> Health:
    """Return how the step fares."""
    if feed is None:
        return Health(name, FEED, "waiting", "not run yet")
    if feed.failures >= FAILING:
        return Health(name, FEED, "failing", f"{feed.failures} turns: {feed.error}")
    if now - (feed.answered_at or feed.live_from) > LATE:
        last = feed.answered_at or feed.live_from
        return Health(name, FEED, "late", f"no run since {last:%Y-%m-%d %H:%M}")
    return Health(name, FEED, "well", feed.error)
