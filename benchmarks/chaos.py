"""Live sessions under faults: does an order ever come twice, is a position ever without a stop?

Each seed is one day of a SYNTHETIC market on two pairs, four loops an hour, through the unmodified
``freqtrade trade`` in live mode against the stand-in exchange: once with Freqpilot and every fault
of the catalogue, and, for some seeds, once without Freqpilot and the faults of the network alone.
The exchange's ledger decides.

    python -m benchmarks.chaos --seeds 200 --out docs/reliability.md
"""

import argparse
import json
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

from freqpilot.host.doors import config_dir
from freqpilot.rehearsal.live import LiveSummary, rehearse_live
from freqpilot.rehearsal.session import RehearsalOptions

STRATEGIES = Path(__file__).parent / "strategies"
PAIRS = ("BTC/USDT", "ETH/USDT")
NETWORK = "lost,late,timeout"
CONFIG: dict[str, Any] = {
    "dry_run_wallet": 1_000,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "max_open_trades": 2,
    "timeframe": "1h",
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "unfilledtimeout": {"entry": 40, "exit": 40, "unit": "minutes"},
    "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)},
    "pairlists": [{"method": "StaticPairList"}],
    "bot_name": "chaos",
}
FUTURES: dict[str, Any] = {
    "dry_run_wallet": 3_000,  # the smallest account whose tier allows leverage 2
    "trading_mode": "futures",
    "margin_mode": "isolated",
    "exchange": {"name": "binance", "pair_whitelist": [f"{pair}:USDT" for pair in PAIRS]},
}


PAGE = """# Reliability

Printed by `make chaos`. Every session is one day of a SYNTHETIC market on two pairs, four loops an
hour: the unmodified `freqtrade trade` in live mode, through ccxt, against the stand-in exchange,
whose own ledger decides. A strategy without sense trades all the time; nothing here says anything
about profit.

## With Freqpilot: {sessions} sessions, seeds {first}–{last}

| | |
|---|---:|
{rows}

What must hold in each: no order that the bot does not know of; no client order id accepted twice;
nothing filled beyond its plan; fills = balance = the database's position, fees counted; the cash of
both books equal; no order open in the database that is not open on the exchange; every position
has its stop or an exit in the book by the end of the next loop that meets no fault; nothing bought
while halted or in safe mode; no exit refused.

Breaches by rule: {breaches}. Seeds to replay: {seeds}.

## Plain Freqtrade: {plain} sessions, the same seeds, the network's faults alone ({network})

{doubled} of {plain} sessions left an order that Freqtrade does not know of. Breaches by rule:
{plain_breaches}.

{example}A seed replays exactly: `make chaos SEEDS=1 FIRST_SEED=N`, or with a strategy of your own
`freqpilot rehearse --live --faults all --seed N`.

## Killed at every request

`make kills` plays one position from entry to exit and kills the bot at every request of it, before
the request is carried out, and after it where it changes something; each must end as the life that
was not killed.
"""


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


def options_of(
    folder: Path,
    seed: int,
    faults: str,
    *,
    plain: bool = False,
    futures: bool = False,
    days: float = 1.0,
) -> RehearsalOptions:
    """Return the options of one session; its files lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG | FUTURES if futures else CONFIG), encoding="utf-8")
    return RehearsalOptions(
        userdir=folder,
        configs=(config,) if plain else (config, config_dir() / "freqpilot.json"),
        strategy="RestlessFutures" if futures else "Restless",
        strategy_path=STRATEGIES,
        seed=seed,
        pairs=PAIRS,
        days=days,
        speed=0,
        history_days=5,
        faults=faults,
        run_dir=folder / "run",
    )


def play(
    folder: Path, seed: int, faults: str, *, plain: bool = False, futures: bool = False
) -> Session:
    """Run one session; its files are removed unless something did not hold."""
    begun = time.monotonic()
    summary = rehearse_live(options_of(folder, seed, faults, plain=plain, futures=futures))
    if plain or not summary.breaches:
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


def trace(session: Session) -> tuple[Any, ...]:
    """Return what must be the same when a seed is played again."""
    summary = session.summary
    strikes = tuple(str(strike) for strike in summary.strikes)
    return strikes, summary.orders, summary.fills, summary.balances


def report(
    ours: Sequence[Session], plain: Sequence[Session], replays: bool, out: Path | None
) -> dict[str, Any]:
    """Return the benchmark's result; writes the page when ``out`` is given."""
    rules = sum((session.rules for session in ours), Counter[str]())
    theirs = sum((session.rules for session in plain), Counter[str]())
    doubled = [session for session in plain if session.rules["double order"]]
    faults = Counter(str(s.fault) for session in ours for s in session.summary.strikes)
    figures = {
        "sessions": len(ours),
        "first seed": ours[0].seed,
        "orders": sum(session.summary.orders for session in ours),
        "fills": sum(session.summary.fills for session in ours),
        "kills": sum(session.summary.kills for session in ours),
        "differences mended": sum(len(session.summary.differences) for session in ours),
        "requests": sum(session.summary.run.requests for session in ours),
        "seconds a session": round(sum(s.seconds for s in ours) / len(ours), 1),
        "faults": dict(sorted(faults.items())),
        "breaches": dict(sorted(rules.items())),
        "seeds with a breach": [s.seed for s in ours if s.summary.breaches],
        "plain sessions": len(plain),
        "plain sessions with a double order": len(doubled),
        "plain breaches": dict(sorted(theirs.items())),
    }
    targets = {
        "double orders with Freqpilot": _exactly(rules["double order"], 0),
        "breaches with Freqpilot": _exactly(sum(rules.values()), 0),
        "sessions without an order": _exactly(sum(not s.summary.orders for s in ours), 0),
    }
    if plain:
        targets["plain Freqtrade doubles an order"] = {
            "value": len(doubled),
            "target": ">= 1",
            "ok": bool(doubled),
        }
    if out is not None:
        out.write_text(_page(figures, doubled), encoding="utf-8")
    return {"name": "chaos", "parity": replays, "targets": targets, "figures": figures}


def _exactly(value: int, target: int) -> dict[str, Any]:
    return {"value": value, "target": target, "ok": value == target}


def _page(figures: dict[str, Any], doubled: Sequence[Session]) -> str:
    rows = {
        "orders accepted by the exchange": figures["orders"],
        "fills": figures["fills"],
        "requests": figures["requests"],
        "bot killed (SIGKILL) and started again": figures["kills"],
        "orders found on the exchange and adopted": figures["differences mended"],
        **{f"fault: {name}": times for name, times in figures["faults"].items()},
        "**double orders**": figures["breaches"].get("double order", 0),
        "**all breaches**": sum(figures["breaches"].values()),
    }
    example = "".join(
        f"For example seed {session.seed}: {breach.text}.\n\n"
        for session in doubled[:1]
        for breach in [b for b in session.summary.breaches if b.rule == "double order"][:1]
    )
    return PAGE.format(
        sessions=figures["sessions"],
        first=figures["first seed"],
        last=figures["first seed"] + figures["sessions"] - 1,
        rows="\n".join(f"| {name} | {value:,} |" for name, value in rows.items()),
        breaches=_words(figures["breaches"]),
        seeds=figures["seeds with a breach"] or "none",
        plain=figures["plain sessions"],
        network=NETWORK,
        doubled=figures["plain sessions with a double order"],
        plain_breaches=_words(figures["plain breaches"]),
        example=example,
    )


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counts.items()) or "none"


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--plain", type=int, default=-1, help="sessions without Freqpilot")
    parser.add_argument("--futures", action="store_true", help="perpetuals, long and short")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write docs/reliability.md")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    plain_seeds = seeds[: max(1, given.seeds // 5) if given.plain < 0 else given.plain]
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    ours: list[Session] = []
    for session in play_all(folder, seeds, "all", futures=given.futures, workers=given.workers):
        ours.append(session)
        _tell("freqpilot", session, len(ours), len(seeds), folder)
    plain: list[Session] = []
    for session in play_all(
        folder, plain_seeds, NETWORK, plain=True, futures=given.futures, workers=given.workers
    ):
        plain.append(session)
        _tell("plain", session, len(plain), len(plain_seeds), folder)
    again = play(folder / "again", seeds[0], "all", futures=given.futures)
    result = report(ours, plain, trace(again) == trace(ours[0]), given.out)
    print(json.dumps(result))
    return 0 if result["parity"] and all(t["ok"] for t in result["targets"].values()) else 1


def _tell(label: str, session: Session, count: int, total: int, folder: Path) -> None:
    summary = session.summary
    line = (
        f"{count}/{total} {label} seed {session.seed}: {summary.orders} orders, "
        f"{len(summary.strikes)} faults, {summary.kills} kills, {len(summary.breaches)} breaches "
        f"({session.seconds:.1f} s)"
    )
    print(line, file=sys.stderr, flush=True)
    if label != "plain":
        for breach in summary.breaches:
            print(f"    {breach} ({folder}/{label}-{session.seed})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
