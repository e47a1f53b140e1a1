"""``freqpilot.facts`` and where they are kept."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from freqpilot.settings.base import Positive, Section


class StoreSettings(Section):
    """Where what must survive a restart is kept: a SQLAlchemy database URL. A relative SQLite
    path counts from Freqtrade's user_data folder; empty means ``freqpilot.sqlite`` there.
    ``shared`` is one that several bots tell each other their open positions in; what a bot said
    last counts for ``shared_hours``. Events and alerts are kept for ``keep_days``."""

    url: str = ""
    shared: str = ""
    shared_hours: Positive = 24
    keep_days: Positive = 90


class SourceSettings(Section):
    """A source that ``freqpilot collect`` asks ``every`` so many minutes (empty: the source's own
    pace); ``backfill_from`` is the first day of history that it brings. A value whose event is
    more than ``max_age`` hours ago counts as missing (empty: the source's own)."""

    enabled: bool = True
    every: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    backfill_from: date | None = None
    max_age: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    options: dict[str, Any] = {}


TextScorer = Literal["lexicon", "encoder", "finbert"]


class TextSettings(Section):
    """What the collector makes of headlines and posts. ``scorer``: the lexicon, the encoder of the
    extra ``text``, or a BERT (``finbert``). That is ``model``: a folder, also an exported one, or a
    name of the Hugging Face hub at the commit ``revision``, published on ``known_from``; empty is
    ProsusAI/finbert. ``head``: a scorer of your own in their place, as ``freqpilot text train``
    wrote it. ``every``: minutes between two figures.
    ``half_life``: hours in which a text loses half its weight; ``window``: hours that mentions are
    counted over; ``min_days`` of texts before their number can be unusual. ``delay``: seconds from
    a text to the figure that holds it. A figure older than ``max_age`` hours counts as missing, and
    where nothing came from any source for as long, none is made. ``copies``: hours in which a copy
    of a text counts nowhere. ``assets``: more names and contract addresses of a coin. ``weights``:
    of a source (``rss.coindesk``), an account (``x.com/name``) or a community
    (``reddit.com/r/name``); 0 leaves it out. ``engagement``: by how much reactions may multiply a
    text's weight at most (1 + log10 of 1 + their number); 1 leaves them out."""

    enabled: bool = False
    scorer: TextScorer = "lexicon"
    model: str = ""
    revision: str = ""
    known_from: date | None = None
    head: str = ""
    every: Annotated[float, Field(ge=1, le=1_440)] = 15
    half_life: Annotated[float, Field(gt=0, le=720)] = 6
    window: Annotated[float, Field(ge=1, le=168)] = 24
    min_days: Annotated[int, Field(ge=3, le=30)] = 7
    delay: Annotated[float, Field(ge=10, le=3_600)] = 60
    max_age: Positive = 6
    copies: Annotated[float, Field(ge=0, le=720)] = 48
    assets: dict[str, tuple[str, ...]] = {}
    weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = {}
    engagement: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 4

    @model_validator(mode="after")
    def _one_scorer(self) -> Self:
        if self.head and self.scorer != "lexicon":
            raise ValueError(f"head and the scorer {self.scorer!r} exclude each other; empty one")
        named = self.model or self.revision or self.known_from
        if named and self.scorer != "finbert":
            raise ValueError('model, revision and known_from are of the scorer "finbert"; set that')
        return self


class FactSettings(Section):
    """Where facts are kept: a database URL. Empty means beside the store: a SQLite file of its own,
    so that millions of facts hold up no order, or the same database of a server. ``sources`` are
    those that the collector asks; ``backups`` names for ``source/metric`` the ``source/metric``
    that stands in where the first is missing. ``timeout``: seconds until a silent source is given
    up."""

    url: str = ""
    timeout: Positive = 20
    sources: dict[str, SourceSettings] = {}
    backups: dict[str, str] = {}
    text: TextSettings = TextSettings()
