"""Live sessions under faults: does an order ever come twice, is a position ever without a stop?

Each seed is one day of a SYNTHETIC market on two pairs, four loops an hour, through the unmodified
``freqtrade trade`` in live mode against the stand-in exchange: once with Freqpilot and every fault
of the catalogue, and, for some seeds, once without Freqpilot and the faults of the network alone.
The exchange's ledger decides.

``python -m benchmarks chaos --seeds 200 --futures 200 --out docs/reliability.md``
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.safety.cures import CURES, Cure
from benchmarks.support.options import parser
from benchmarks.support.result import Result, Target, at_least, exactly, finish
from benchmarks.support.sessions import options_of, struck
from freqpilot.rehearsal.bot.live import LiveSummary, rehearse_live

NETWORK = "lost,late,timeout"


PAGE = """# Reliability

Printed by `make chaos`. Every session is one day of a SYNTHETIC market on two pairs, four loops an
hour: the unmodified `freqtrade trade` in live mode, through ccxt, against the stand-in exchange,
whose own ledger decides. A strategy without sense trades all the time; nothing here says anything
about profit.

Requests fail by their own odds. What happens between loops or to the market is drawn once a
session, about every third one meets each: a person's calls by the REST API (`rpc_force`), another
bot on the same store (`second_bot`), a store that is locked (`store_locked`) or answers nothing
(`store_down`) or is on a full disk (`store_full`), a clock that is 1 to 72 hours ahead for some
loops (`clock_jump`), a price that jumps by 5 to 60 % from one candle to the next
(`gap_through_stop`), looks at the account by a price of 0.4 to 3 times the true one (`bad_tick`),
candles that are up to two hours late (`late_candles`), a pair that is not traded any more
(`delisted`, spot only), stop orders that are not taken any more where they were (`venue_change`,
futures only), a position that is liquidated (`liquidation`, futures only). So that a jump can halt
the bot, its drawdown limit is 6 %.

{parts}{cures}A seed replays exactly: `make chaos SEEDS=1 FIRST_SEED=N`, or with a strategy of your
own `freqpilot rehearse --live --faults all --seed N`.

## Killed at every request

`make kills` plays one position from entry to exit and kills the bot at every request of it, before
the request is carried out, and after it where it changes something; each must end as the life that
was not killed.

## A month in one session

`python -m benchmarks endure` plays 30 days with a loop an hour under faults and notes each five
days the rows of each table, the bytes of store and decision log, and the bot's memory: beside a row
for each order and decision nothing may grow beyond what the retention of events leaves.
"""
CURED = """## Cures switched off

A catalogue of faults is worth what it finds. Each cure is switched off in the bot's own process,
and sessions are played until one shows it: on spot, or on futures where the fault is theirs.

| cure | what it is for | faults played | found by |
|---|---|---|---|
{rows}

"""
PART = """## {market}: {sessions} sessions with Freqpilot, seeds {first}–{last}

{about}

| | |
|---|---:|
{rows}

What must hold in each: no order that the bot does not know of; no client order id accepted twice;
nothing filled beyond its plan; fills = {positions} = the database's position, fees counted; the
cash of both books equal; no order open in the database that is not open on the exchange; no
position opened while halted or in safe mode; no exit refused; the bot never ends by itself.

And within so many loops that meet no fault of the exchange: each position has a stop, or an exit
near the price (2); a position beyond its stop is closed (2); the account is looked at (1); an
account below its limit is halted, a delisted coin counted as worth nothing (2); a halt is in the
store, and a message of it has left the machine (3); entries can be judged again (3); after a clock
that was ahead the ledger is at the time of now, and a CRITICAL event says so (2). A bot that is
started on the store of a living one is refused and changes nothing. An order that raises risk is
written down before it is sent, also while the store takes nothing.

At each loop's end: no peak that the account never had; no halt without a fall; no peak and no latch
that is gone again; no exit at market for one wrong price. No pair is entered while its newest
candle has not come, and no position is closed for want of a stop that another endpoint takes. A
liquidation is in the bot's books, or a CRITICAL event names its pair, within 3 loops.

Breaches by rule: {breaches}. Seeds to replay: {seeds}. Kept away, as a breaker or limit refused
every entry of the session: {away}.

### {market}, plain Freqtrade: {plain} sessions, the same seeds, the network's faults alone

{doubled} of {plain} sessions left an order that Freqtrade does not know of ({network}). Breaches by
rule: {plain_breaches}.

{example}"""


@dataclass(frozen=True)
class Market:
    """A kind of market, and what the page says of it."""

    name: str
    futures: bool
    about: str
    positions: str


MARKETS = (
    Market("Spot", futures=False, about="Long only, stop-limit orders.", positions="balance"),
    Market(
        "USD-M futures",
        futures=True,
        about="Perpetuals, long and short at leverage 2, isolated margin, stops as conditional "
        "orders;\nfunding is paid and received.",
        positions="position on the exchange",
    ),
)


@dataclass(frozen=True)
class Session:
    """One seed's session and its real seconds."""

    seed: int
    summary: LiveSummary
    seconds: float

    @property
    def rules(self) -> Counter[str]:
        """Breaches by rule."""
        return Counter(breach.rule for breach in self.summary.breaches)

    @property
    def kept_away(self) -> tuple[str, ...]:
        """The rules that refused every entry, by name; none where an order was sent."""
        return () if self.summary.orders else tuple(sorted(set(self.summary.refusals)))

    @property
    def idle(self) -> bool:
        """Whether nothing was tried: no order, and none refused."""
        return not self.summary.orders and not self.summary.refusals


def play(
    folder: Path,
    seed: int,
    faults: str,
    *,
    plain: bool = False,
    futures: bool = False,
    without: str = "",
) -> Session:
    """Run one session; its files are removed unless something did not hold."""
    begun = time.monotonic()
    options = options_of(folder, seed, faults, plain=plain, futures=futures, without=without)
    summary = rehearse_live(options)
    if plain or without or not summary.breaches:
        shutil.rmtree(folder)
    return Session(seed, summary, time.monotonic() - begun)


def play_all(
    folder: Path,
    seeds: Sequence[int],
    faults: str,
    *,
    plain: bool = False,
    futures: bool = False,
    workers: int = 2,
) -> Iterator[Session]:
    """Yield the sessions of all seeds in their order."""
    with ThreadPoolExecutor(workers) as pool:
        label = "plain" if plain else "freqpilot"
        yield from pool.map(
            lambda seed: play(
                folder / f"{label}-{seed}", seed, faults, plain=plain, futures=futures
            ),
            seeds,
        )


@dataclass(frozen=True)
class Finding:
    """The first seed whose session shows that a cure is missing, and the rules that say so; no seed
    when none does."""

    cure: Cure
    seed: int | None
    rules: tuple[str, ...]

    def __str__(self) -> str:
        return "not found" if self.seed is None else f"seed {self.seed}, {', '.join(self.rules)}"


def find(folder: Path, cure: Cure, seeds: Sequence[int]) -> Finding:
    """Return the first seed whose session shows that a cure is switched off."""
    for seed in seeds:
        work = folder / f"without-{cure.name}-{seed}"
        session = play(work, seed, cure.faults, futures=cure.futures, without=cure.name)
        if session.rules:
            return Finding(cure, seed, tuple(sorted(session.rules)))
    return Finding(cure, None, ())


def find_all(
    folder: Path, cures: Sequence[Cure], seeds: Sequence[int], workers: int = 2
) -> list[Finding]:
    """Return what the sessions say when each cure in turn is switched off."""
    found = []
    with ThreadPoolExecutor(workers) as pool:
        for finding in pool.map(lambda cure: find(folder, cure, seeds), cures):
            found.append(finding)
            print(f"without {finding.cure.name}: {finding}", file=sys.stderr, flush=True)
    return found


def trace(session: Session) -> tuple[Any, ...]:
    """Return what must be the same when a seed is played again."""
    summary = session.summary
    return struck(summary.strikes), summary.orders, summary.fills, summary.balances


@dataclass(frozen=True)
class Outcome:
    """A market's sessions, with Freqpilot and without, and whether a seed replayed exactly."""

    market: Market
    ours: Sequence[Session]
    plain: Sequence[Session]
    replays: bool

    @property
    def doubled(self) -> list[Session]:
        """Sessions of plain Freqtrade that doubled an order."""
        return [session for session in self.plain if session.rules["double order"]]

    @property
    def rules(self) -> Counter[str]:
        """Breaches with Freqpilot by rule."""
        return sum((session.rules for session in self.ours), Counter[str]())

    def figures(self) -> dict[str, Any]:
        """Return what was counted."""
        theirs = sum((session.rules for session in self.plain), Counter[str]())
        faults = Counter(str(s.fault) for session in self.ours for s in session.summary.strikes)
        summaries = [session.summary for session in self.ours]
        return {
            "sessions": len(self.ours),
            "first seed": self.ours[0].seed,
            "orders": sum(summary.orders for summary in summaries),
            "fills": sum(summary.fills for summary in summaries),
            "kills": sum(summary.kills for summary in summaries),
            "differences mended": sum(len(summary.differences) for summary in summaries),
            "requests": sum(summary.run.requests for summary in summaries),
            "seconds a session": round(sum(s.seconds for s in self.ours) / len(self.ours), 1),
            "faults": dict(sorted(faults.items())),
            "breaches": dict(sorted(self.rules.items())),
            "seeds with a breach": [s.seed for s in self.ours if s.summary.breaches],
            "kept away": {str(s.seed): list(s.kept_away) for s in self.ours if s.kept_away},
            "plain sessions": len(self.plain),
            "plain sessions with a double order": len(self.doubled),
            "plain breaches": dict(sorted(theirs.items())),
        }


def report(outcomes: Sequence[Outcome], out: Path | None, found: Sequence[Finding] = ()) -> Result:
    """Return the benchmark's result; writes the page when ``out`` is given."""
    targets = {
        f"without {each.cure.name}": Target(
            each.seed, "a seed that finds it", each.seed is not None
        )
        for each in found
    }
    for outcome in outcomes:
        name = outcome.market.name
        targets[f"{name}: double orders with Freqpilot"] = exactly(outcome.rules["double order"], 0)
        targets[f"{name}: breaches with Freqpilot"] = exactly(sum(outcome.rules.values()), 0)
        idle = sum(session.idle for session in outcome.ours)
        targets[f"{name}: sessions without an order or a refusal"] = exactly(idle, 0)
        if outcome.plain:
            doubled = len(outcome.doubled)
            targets[f"{name}: plain Freqtrade doubles an order"] = at_least(doubled, 1)
    if out is not None:
        parts = "".join(_part(outcome) for outcome in outcomes)
        out.write_text(PAGE.format(parts=parts, cures=_cures(found)), encoding="utf-8")
    return Result(
        "chaos",
        parity=all(outcome.replays for outcome in outcomes),
        targets=targets,
        figures={
            **{outcome.market.name: outcome.figures() for outcome in outcomes},
            **{f"without {each.cure.name}": str(each) for each in found},
        },
        about={"synthetic": True},
        strict=True,
    )


def _cures(found: Sequence[Finding]) -> str:
    rows = "\n".join(
        f"| {each.cure.name} | {each.cure.about} | {each.cure.faults} | {each} |" for each in found
    )
    return CURED.format(rows=rows) if found else ""


def _part(outcome: Outcome) -> str:
    figures, market = outcome.figures(), outcome.market
    rows = {
        "orders accepted by the exchange": figures["orders"],
        "fills": figures["fills"],
        "requests": figures["requests"],
        "bot killed (SIGKILL) and started again": figures["kills"],
        "differences between the books found and mended": figures["differences mended"],
        "sessions in which every entry was refused": len(figures["kept away"]),
        **{f"fault: {name}": times for name, times in figures["faults"].items()},
        "**double orders**": figures["breaches"].get("double order", 0),
        "**all breaches**": sum(figures["breaches"].values()),
    }
    example = "".join(
        f"For example seed {session.seed}: {breach.text}.\n\n"
        for session in outcome.doubled[:1]
        for breach in [b for b in session.summary.breaches if b.rule == "double order"][:1]
    )
    return PART.format(
        market=market.name,
        about=market.about,
        positions=market.positions,
        sessions=figures["sessions"],
        first=figures["first seed"],
        last=figures["first seed"] + figures["sessions"] - 1,
        rows="\n".join(f"| {name} | {value:,} |" for name, value in rows.items()),
        breaches=_words(figures["breaches"]),
        seeds=figures["seeds with a breach"] or "none",
        away=_away(figures["kept away"]),
        plain=figures["plain sessions"],
        network=NETWORK,
        doubled=figures["plain sessions with a double order"],
        plain_breaches=_words(figures["plain breaches"]),
        example=example,
    )


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counts.items()) or "none"


def _away(seeds: dict[str, list[str]]) -> str:
    return ", ".join(f"seed {seed} ({', '.join(rules)})" for seed, rules in seeds.items()) or "none"


def main() -> int:
    """Run it; returns the exit status."""
    made = parser("chaos", __doc__)
    made.add_argument("--seeds", type=int, default=20, help="sessions on spot")
    made.add_argument("--futures", type=int, default=-1, help="sessions on futures")
    made.add_argument("--first-seed", type=int, default=1)
    made.add_argument("--plain", type=int, default=-1, help="sessions without Freqpilot")
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--faults", default="all", help="play these faults alone")
    made.add_argument("--out", type=Path, help="write docs/reliability.md")
    made.add_argument("--cures", type=int, default=0, help="look in so many seeds for each cure")
    made.add_argument(
        "--without", choices=sorted(CURES), nargs="+", default=[], help="look for these cures alone"
    )
    given = made.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    if given.without:
        given.seeds, given.futures, given.cures = 0, 0, given.cures or 20
    outcomes = []
    for market in MARKETS:
        count = given.seeds
        if market.futures and given.futures >= 0:
            count = given.futures
        if count:
            seeds = range(given.first_seed, given.first_seed + count)
            plain = seeds[: max(1, count // 10) if given.plain < 0 else given.plain]
            work = folder / ("futures" if market.futures else "spot")
            outcomes.append(_measure(market, seeds, plain, work, given))
    cures = [CURES[name] for name in given.without or CURES]
    seeds = range(given.first_seed, given.first_seed + given.cures)
    found = find_all(folder, cures, seeds, given.workers) if given.cures else []
    if not outcomes and not found:
        made.error("nothing to do: give --seeds, --futures or --cures")
    return finish(report(outcomes, given.out, found), given)


def _measure(
    market: Market, seeds: range, plain_seeds: range, folder: Path, given: argparse.Namespace
) -> Outcome:
    futures, faults, workers = market.futures, given.faults, given.workers
    ours: list[Session] = []
    for session in play_all(folder, seeds, faults, futures=futures, workers=workers):
        ours.append(session)
        _print_session(f"{market.name}, freqpilot", session, len(ours), len(seeds), folder)
    plain: list[Session] = []
    for session in play_all(
        folder, plain_seeds, NETWORK, plain=True, futures=futures, workers=workers
    ):
        plain.append(session)
        _print_session(f"{market.name}, plain", session, len(plain), len(plain_seeds))
    again = play(folder / "again", seeds[0], faults, futures=futures)
    return Outcome(market, ours, plain, trace(again) == trace(ours[0]))


def _print_session(
    label: str, session: Session, count: int, total: int, folder: Path | None = None
) -> None:
    summary = session.summary
    line = (
        f"{count}/{total} {label} seed {session.seed}: {summary.orders} orders, "
        f"{len(summary.strikes)} faults, {summary.kills} kills, {len(summary.breaches)} breaches "
        f"({session.seconds:.1f} s)"
    )
    print(line, file=sys.stderr, flush=True)
    if folder is not None:
        for breach in summary.breaches:
            where = folder / f"freqpilot-{session.seed}"
            print(f"    {breach} ({where})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
