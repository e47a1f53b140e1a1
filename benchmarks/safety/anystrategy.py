"""What the supervisor does to strategies of others: a zoo of them, alone and under each profile.

``python -m benchmarks anystrategy --datadir ../shared/data/candles_2024``

Each strategy of ``benchmarks/strategies/zoo`` is backtested by plain Freqtrade and under watch,
guard and full, on real 5m candles; those whose stop bounds nothing also through crashes that are
put into them. ``--page docs/results.md`` writes the section.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, get_args

import pandas as pd

from benchmarks.safety import anystrategy_page as page
from benchmarks.support import zoo
from benchmarks.support.options import Period, add_page_option, parser
from benchmarks.support.result import Result, Say, Target, at_least, at_most, exactly, finish
from benchmarks.support.result import progress as said
from freqpilot import __version__
from freqpilot.journal.backtest import BacktestRun, halts_released
from freqpilot.journal.interventions import interventions_of
from freqpilot.journal.measures import drawdown

PERIOD = "20240729-20240812"
"""Two weeks around 5 August 2024, the worst day of that year."""
CRASH_DAYS = 4
STRUCK = timedelta(minutes=30)
"""From the entry of the position that a crash strikes to the crash."""
CANDLES = 2
"""From the candle whose close breaks a limit to the fills: known at the next one's open, sold at
that open."""
DAILY_LOSS, HALT = 0.05, 0.20
"""The limits on a day's loss and on the drawdown, as they ship."""
KEPT, RATIO = 0.9, 1.3
START_SECONDS, START_MB = 1.0, 100.0
NO_PAUSES: dict[str, Any] = {
    "freqpilot": {
        "risk": {
            **{"daily_loss": 1.0, "weekly_loss": 1.0, "total_loss": 1.0, "capital_floor": 0.01},
            **{"drawdown_cut": 0.97, "drawdown_half": 0.98, "drawdown_halt": 0.99},
            **{"streak_phases": [{"losses": 10_000, "factor": 0.5, "threshold": 0.65}]},
            **{"streak_halt": 10_000, "burst_loss": 1.0, "low_win_rate": 0.0},
        }
    }
}
"""Guard without halts, breakers and loss limits: what it keeps of the entries between them."""


@dataclass(frozen=True)
class Work:
    """What all backtests of one measurement share."""

    home: Path
    period: tuple[datetime, datetime]
    say: Say

    def play(
        self,
        animal: zoo.Animal,
        profile: str,
        name: str = "real",
        layer: Mapping[str, Any] | None = None,
    ) -> zoo.Played:
        """Play an animal on the candles of one name."""
        folder = Path(tempfile.mkdtemp(prefix=f"{animal.name}-{profile}-", dir=self.home)) / "run"
        played = zoo.play(animal, profile, self.home / name, self.period, folder, layer)
        self.say(f"{animal.name} {profile} ({name}): {len(played.run.trades)} trades")
        return played


def differences(one: BacktestRun, other: BacktestRun) -> int:
    """Return how many trades and orders of two backtests are not alike, in any column."""
    found = abs(len(one.trades) - len(other.trades))
    for (_, mine), (_, theirs) in zip(one.trades.iterrows(), other.trades.iterrows(), strict=False):
        same = all(_same(mine[name], theirs[name]) for name in one.trades.columns)
        found += not same
    return found


def _same(one: Any, other: Any) -> bool:
    missing = pd.api.types.is_scalar(one) and pd.isna(one)
    return bool(pd.isna(other)) if missing else bool(one == other)


def entries(run: BacktestRun) -> list[tuple[str, int]]:
    """Return the pair and the time (ms) of each filled order that opened or enlarged a position."""
    return [
        (str(trade["pair"]), int(order["order_filled_timestamp"]))
        for _, trade in run.trades.iterrows()
        for order in trade["orders"]
        if order["ft_is_entry"]
    ]


def by_rule(run: BacktestRun, *kinds: str) -> dict[str, int]:
    """Return how many orders were cut or refused, most first, by rule."""
    found: Counter[str] = Counter()
    for row in interventions_of(run):
        if row["kind"] in kinds:
            found[str(row["rule"])] += int(row["orders"])
    return dict(found.most_common())


def at_same_candle(alone: BacktestRun, guarded: BacktestRun) -> float:
    """Return which share of the entries of one backtest another has at the same candle, 0…1."""
    wanted, made = entries(alone), {*entries(guarded)}
    return sum(each in made for each in wanted) / len(wanted) if wanted else float("nan")


def kept(alone: BacktestRun, guarded: BacktestRun) -> float:
    """Return which share of the entries of one backtest another has kept, 0…1.

    One that is missing counts as lost where something was refused. Without a refusal it is the
    strategy's own choice: what was cut leaves money for additions, which move its exits.
    """
    wanted = len(entries(alone))
    missing = round(wanted * (1 - at_same_candle(alone, guarded))) if wanted else 0
    lost = min(missing, sum(by_rule(guarded, "refused").values()))
    return 1 - lost / wanted if wanted else float("nan")


def worst_day(equity: pd.Series) -> float:
    """Return the largest fall of an account within a day (UTC) from the equity it began with."""
    days = equity.groupby(pd.DatetimeIndex(equity.index).floor("D"))
    return float((1 - days.min() / days.first()).max())


def figures_of(run: BacktestRun) -> dict[str, Any]:
    """Return what became of an account and what was done to its orders."""
    facts = run.config.get("freqpilot", {}).get("run", {})
    return {
        "trades": len(run.trades),
        "entries": len(entries(run)),
        "return": float(run.equity.iloc[-1] / run.equity.iloc[0] - 1),
        "drawdown": float(-drawdown(run.equity).min()),
        "worst day": worst_day(run.equity),
        "halts": halts_released(facts) + bool(facts.get("halted")),
        "cut": by_rule(run, "cut", "would cut"),
        "refused": by_rule(run, "refused", "would refuse"),
        "reported": by_rule(run, "reported"),
    }


def two_candles(equity: pd.Series) -> float:
    """Return the largest fall of an account within two candles."""
    return float((1 - equity / equity.shift(CANDLES)).max())


def measure_animal(
    work: Work, animal: zoo.Animal, alone: zoo.Played, rounds: int
) -> dict[str, Any]:
    """Play one under each profile; return its figures with the parity and the cost of watch."""
    profiles = {profile: work.play(animal, profile) for profile in zoo.PROFILES[1:]}
    played = {"alone": alone, **profiles}
    between = work.play(animal, "guard", layer=NO_PAUSES)
    costs = [(alone.cost.cpu, played["watch"].cost.cpu)]
    for _ in range(rounds - 1):
        again = [work.play(animal, profile).cost.cpu for profile in ("alone", "watch")]
        costs.append((again[0], again[1]))
    return {
        "traits": animal.traits,
        "profiles": {name: figures_of(each.run) for name, each in played.items()},
        "changed under watch": differences(alone.run, played["watch"].run),
        "kept under guard": kept(alone.run, between.run),
        "at the same candle": at_same_candle(alone.run, between.run),
        "refused between pauses": by_rule(between.run, "refused"),
        "cpu": {name: round(each.cost.cpu, 2) for name, each in played.items()},
        "cpu of watch to alone": median(ours / plain for plain, ours in costs),
    }


def struck(run: BacktestRun) -> tuple[str, datetime] | None:
    """Return the pair and time of a crash that strikes a strategy: half an hour after it has opened
    what it holds longest of the second day; None where it opens nothing then."""
    begin = pd.Timestamp(run.timerange[0])
    day = run.trades["open_date"].between(begin + pd.Timedelta("1D"), begin + pd.Timedelta("2D"))
    opened = run.trades[day]
    if opened.empty:
        return None
    longest = opened.iloc[int((opened["close_date"] - opened["open_date"]).argmax())]
    return str(longest["pair"]), (longest["open_date"] + STRUCK).to_pydatetime()


def measure_crashes(
    work: Work, source: Path, animal: zoo.Animal, alone: BacktestRun
) -> dict[str, dict[str, Any]]:
    """Play one through each injected crash, alone and under guard and full."""
    found: dict[str, dict[str, Any]] = {}
    if (hit := struck(alone)) is None:
        work.say(f"{animal.name} opens nothing on the second day: no crash can strike it")
        return found
    short = work.period[0], work.period[0] + timedelta(days=CRASH_DAYS)
    for crash in get_args(zoo.Crash):
        name = f"{animal.name}-{crash}"
        zoo.write_candles(source, work.home / name, short, zoo.Blow(crash, *hit))
        shorter, found[crash] = replace(work, period=short), {}
        for profile in ("alone", "guard", "full"):
            equity = shorter.play(animal, profile, name).run.equity
            found[crash][profile] = {
                "worst day": worst_day(equity),
                "drawdown": float(-drawdown(equity).min()),
                "two candles": two_candles(equity),
                "final": float(equity.iloc[-1] / equity.iloc[0]),
            }
    return found


def measure_start(work: Work, rounds: int) -> dict[str, float]:
    """Return what Freqpilot adds to a backtest of one day: CPU seconds and MiB, medians."""
    day = Work(work.home, (work.period[0], work.period[0] + timedelta(days=1)), work.say)
    pairs = [
        (day.play(zoo.ZOO[0], "alone").cost, day.play(zoo.ZOO[0], "full").cost)
        for _ in range(rounds)
    ]
    return {
        "plain, s": median(plain.cpu for plain, _ in pairs),
        "added, s": median(ours.cpu - plain.cpu for plain, ours in pairs),
        "plain, MiB": median(plain.memory for plain, _ in pairs),
        "added, MiB": median(ours.memory - plain.memory for plain, ours in pairs),
    }


def measure(given: argparse.Namespace, say: Say) -> Result:
    """Play the zoo and return what was found."""
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        work = Work(Path(folder), (given.timerange.begin, given.timerange.end), say)
        zoo.write_candles(given.datadir, work.home / "real", work.period)
        found, crashes = {}, {}
        for animal in (each for each in zoo.ZOO if each.name in given.names):
            alone = work.play(animal, "alone")
            found[animal.name] = measure_animal(work, animal, alone, given.rounds)
            if animal.name in zoo.STOPLESS:
                crashes[animal.name] = measure_crashes(work, given.datadir, animal, alone.run)
        start = measure_start(work, given.rounds + 2)
    changed = sum(each["changed under watch"] for each in found.values())
    figures = {"strategies": found, "crashes": crashes, "start": start}
    about = {
        "period": list(given.timerange.dates),
        "pairs": list(zoo.PAIRS),
        "timeframe": "5m",
        "perpetuals": "spot candles, mark prices of spot, funding 0.01 % each 8 h",
        "version": __version__,
    }
    return Result("anystrategy", figures, targets(figures), parity=changed == 0, about=about)


def targets(figures: Mapping[str, Any]) -> dict[str, Target]:
    """Return what was promised beside what was found."""
    made: dict[str, Target] = {}
    for name, each in figures["strategies"].items():
        made[f"{name}: trades changed under watch"] = exactly(each["changed under watch"], 0)
        made[f"{name}: entries kept under guard"] = at_least(each["kept under guard"], KEPT)
        made[f"{name}: CPU of watch to alone"] = at_most(each["cpu of watch to alone"], RATIO)
    for name, crashes in figures["crashes"].items():
        for crash, profiles in crashes.items():
            for profile in ("guard", "full"):
                at, gap = profiles[profile], profiles[profile]["two candles"]
                where = f"{name}, crash of {crash}, {profile}"
                made[f"{where}: worst day"] = at_most(at["worst day"], round(DAILY_LOSS + gap, 4))
                made[f"{where}: drawdown"] = at_most(at["drawdown"], round(HALT + gap, 4))
    made["start: added, s"] = at_most(figures["start"]["added, s"], START_SECONDS)
    made["start: added, MiB"] = at_most(figures["start"]["added, MiB"], START_MB)
    return made


def candles_at(text: str) -> Path:
    """Return the folder of 5m candles that ``text`` names, or that lies in it.

    :raises ArgumentTypeError: where the pairs of the zoo have none.
    """
    folder = Path(text).resolve()
    found = next((each for each in (folder, folder / "binance") if zoo.has_candles(each)), None)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{folder} lacks 5m feather candles of {', '.join(zoo.PAIRS)}"
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and print; returns the exit status."""
    made = parser("anystrategy", __doc__ or "")
    names = [each.name for each in zoo.ZOO]
    made.add_argument("names", nargs="*", metavar="STRATEGY", help=f"of {', '.join(names)}")
    made.add_argument("--datadir", type=candles_at, required=True, metavar="DIR")
    made.add_argument("--timerange", type=Period.parse, default=PERIOD, metavar="FROM-TO")
    made.add_argument("--rounds", type=int, default=2, help="runs of alone and watch, in turn")
    add_page_option(made)
    given = made.parse_args(arguments)
    given.names = given.names or names
    if unknown := set(given.names) - set(names):
        made.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(names)}")
    if given.timerange.days < CRASH_DAYS:
        made.error(f"--timerange: {CRASH_DAYS} days are needed")
    found = measure(given, said())
    return finish(found, given, page.section(found.document()))


if __name__ == "__main__":
    sys.exit(main())
