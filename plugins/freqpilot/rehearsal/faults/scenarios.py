"""The scenarios of ``freqpilot rehearse --scenario``, one entry each: what happens, and when.

The sizes of the falls by class of asset are those of the book's stress table
(:mod:`freqpilot.risk.book.stress`), so that a user sees played what the table counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.market.stressed import Path
from freqpilot.settings import AssetClass, BookSettings

ALL = "all"
BOOK = BookSettings()
Moves = Mapping[AssetClass, float]


def _falls(name: str, share: float = 1.0) -> Moves:
    """Return the fall by class of one of the stress table's shocks."""
    shocks: dict[AssetClass, float] = getattr(BOOK, name).model_dump()
    return {kind: -share * fall for kind, fall in shocks.items()}


def _alike(move: float) -> Moves:
    return dict.fromkeys(_falls("crash_day"), move)


@dataclass(frozen=True)
class Recorded:
    """A week of real candles, UTC."""

    begin: datetime
    days: float


@dataclass(frozen=True)
class Scenario:
    """What happens from the strike on; all hours count from there.

    ``what`` is the sentence a person reads; prices go along ``path`` by ``moves`` (by class of
    asset, a fraction of the price); ``hours`` is how long the account is watched. ``volume`` is
    what is left of what is traded and of the books' depth; ``as_one``: all pairs take the same
    steps; ``outage``: from when to when no request is answered; ``delisted``: when the pair of the
    largest position is not traded any more; ``closed``: for how long nothing is traded, after which
    a share ``taken`` of every balance is gone; ``depeg``: what the stake currency loses of its
    worth. ``recorded`` is played as it was, without anything of these. ``expected`` names the rules
    of the books that the scenario itself breaks, each with the reason.
    """

    name: str
    what: str
    hours: float = 24.0
    path: Path = ((0.0, 0.0),)
    moves: Moves = field(default_factory=dict)
    volume: float = 1.0
    as_one: bool = False
    outage: tuple[float, float] | None = None
    delisted: float | None = None
    closed: float | None = None
    taken: float = 0.0
    depeg: float = 0.0
    recorded: Recorded | None = None
    expected: Mapping[str, str] = field(default_factory=dict)


def _week(name: str, what: str, begin: tuple[int, int, int]) -> Scenario:
    return Scenario(name, what, recorded=Recorded(datetime(*begin, tzinfo=UTC), 7.0))


HACKED = "the exchange took it, no order did"
CLOSED = "a position without a market counts as worth nothing"
OUT = f"no request is answered for {BOOK.outage_hours:g} h, and the price falls meanwhile"
SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "flash_crash",
        "all pairs fall within half an hour, past their stops, and half of it comes back",
        path=((0.0, 0.0), (0.5, 1.0), (2.0, 0.5)),
        moves=_falls("flash_crash"),
    ),
    Scenario(
        "grind_down",
        "all pairs lose half their worth in five days, without a single large candle",
        hours=144.0,
        path=((0.0, 0.0), (120.0, 1.0)),
        moves=_alike(-0.5),
    ),
    Scenario(
        "gap",
        "all pairs open a crash day lower, beyond stops and their limits",
        path=((0.0, 1.0),),
        moves=_falls("crash_day"),
    ),
    Scenario(
        "delisting",
        "the pair of the largest position loses 60 % in six hours and is then not traded any more",
        path=((0.0, 0.0), (6.0, 1.0)),
        moves=_alike(-0.6),
        delisted=6.0,
    ),
    Scenario(
        "depeg",
        "the stake currency loses its peg: prices in it rise, what it buys falls",
        path=((0.0, 0.0), (12.0, 1.0)),
        moves=_alike(1.0 / (1.0 - BOOK.depeg) - 1.0),
        depeg=BOOK.depeg,
    ),
    Scenario(
        "outage",
        OUT,
        path=((0.5, 0.0), (BOOK.outage_hours, 1.0)),
        moves=_falls("crash_day", 0.5),
        outage=(0.25, BOOK.outage_hours),
    ),
    Scenario(
        "exchange_hack",
        "nothing is traded for six hours, then a share of every balance is gone",
        path=((0.0, 0.0), (6.0, 1.0)),
        moves=_falls("crash_day", 0.5),
        closed=6.0,
        taken=BOOK.exchange_hack,
        expected={**dict.fromkeys(("ledger", "position", "cash"), HACKED), "false halt": CLOSED},
    ),
    Scenario(
        "rate_shock",
        "money gets dearer: all pairs fall for three days, by class",
        hours=96.0,
        path=((0.0, 0.0), (24.0, 0.4), (48.0, 0.6), (72.0, 1.0)),
        moves=_falls("rate_shock"),
    ),
    Scenario(
        "no_liquidity",
        "the books are a thousand times thinner, and prices give way",
        path=((0.0, 0.0), (6.0, 1.0)),
        moves=_falls("slippage"),
        volume=0.001,
    ),
    Scenario(
        "correlation_one",
        "all pairs move as one, down by a crash day of the largest coin",
        path=((0.0, 0.0), (24.0, 1.0)),
        moves=_alike(-BOOK.crash_day.btc),
        as_one=True,
    ),
    _week("march_2020", "the week of 12 March 2020, as it was", (2020, 3, 9)),
    _week("may_2021", "the week of 19 May 2021, as it was", (2021, 5, 16)),
    _week("november_2022", "the week in which FTX failed, as it was", (2022, 11, 6)),
)


def scenarios(text: str) -> tuple[Scenario, ...]:
    """Return the scenarios of a list such as ``gap,depeg``; ``all`` is understood.

    :raises RefuseToStart: for an unknown name.
    """
    if text == ALL:
        return SCENARIOS
    known = {each.name: each for each in SCENARIOS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise RefuseToStart(
            f"there is no scenario {', '.join(unknown) or text!r}; choose from "
            f"{', '.join(known)}, {ALL}"
        )
    return tuple(known[name] for name in dict.fromkeys(names))
