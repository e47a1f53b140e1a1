"""A user's own bot against one scenario: what the account was before, at its worst and after, and
what the supervisor did."""

import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.host.account.saved import saved_interventions
from freqpilot.journal.candles import candle_file
from freqpilot.rehearsal.books.spot import rows
from freqpilot.rehearsal.bot.live import STORE, LiveSummary, rehearse_live
from freqpilot.rehearsal.bot.run import user_config
from freqpilot.rehearsal.faults.scenarios import Recorded, Scenario
from freqpilot.rehearsal.faults.striking import Play, Struck
from freqpilot.rehearsal.intervals import interval_minutes
from freqpilot.rehearsal.market.synthetic import DEFAULT_PAIRS
from freqpilot.rehearsal.plan.session import DATABASE, LOG, OnProgress, RehearsalOptions
from freqpilot.rehearsal.venue.perpetuals import spot_name
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings

LEAD_HOURS = 24.0
"""How long a bot trades before a scenario may strike."""
ANY_HOURS = 24.0
"""How much longer than the options' ``days`` it waits for any position, when not all slots are
taken by then."""
UNABLE = re.compile(r"Unable to exit trade (\S+): ([^.:(]+)")
"""What Freqtrade logs of an exit that it cannot even send."""
HISTORY_CANDLES = 20_000
LEAST_HISTORY_DAYS, MOST_HISTORY_DAYS = 30, 200
RECORDED_HISTORY = timedelta(days=60)
"""Candles of a recorded week that come before it, for what a strategy has to warm up."""


class MissingCandles(RefuseToStart):
    """A recorded scenario cannot be played: its candles are not on this machine."""


@dataclass(frozen=True)
class Outcome:
    """What became of a bot in a scenario.

    ``struck`` is when (UTC), ``held`` what it held then and ``exposed`` how much of the account
    that was. ``before`` is the account when it struck, ``lowest`` and ``after`` what came, in stake
    currency; ``worth`` is ``after`` in what the stake currency was worth before. ``drawdown`` is
    the largest fall from a peak after the strike, a fraction. ``halts`` are the supervisor's
    latches, ``exits`` the closed trades since the strike by reason, ``changed`` the orders it cut
    or refused by rule. ``unstopped`` are pairs held at the end without a stop or an exit in the
    books, ``stuck`` those that are not traded any more, ``naked`` how many looks found one without
    by pair, ``unsent`` the orders that the exchange did not accept by reason, ``unable`` the exits
    that Freqtrade could not even send. ``breaches`` are what must always hold and did not;
    ``expected`` what the scenario itself breaks. Of a recorded week ``struck`` is its begin, when
    nothing is held.
    """

    scenario: str
    what: str
    synthetic: bool
    supervised: bool
    currency: str
    struck: str | None
    held: tuple[str, ...]
    exposed: float
    before: float
    lowest: float
    after: float
    worth: float
    drawdown: float
    halts: tuple[str, ...]
    exits: Mapping[str, int]
    changed: Mapping[str, int]
    unstopped: tuple[str, ...]
    stuck: tuple[str, ...]
    naked: Mapping[str, int]
    unsent: Mapping[str, int]
    unable: Mapping[str, int]
    breaches: tuple[str, ...]
    expected: tuple[str, ...]
    finished: bool
    folder: str

    @property
    def holds(self) -> bool:
        """Whether it was played to its end and everything held that must always hold."""
        return self.finished and self.struck is not None and not self.breaches


def rehearse_scenario(
    scenario: Scenario,
    options: RehearsalOptions,
    on_progress: OnProgress = lambda _: None,
) -> Outcome:
    """Play a bot through one scenario, in live mode on an account of the stand-in.

    :param options: configs, strategy, seed and folders; ``days`` is how long it waits for all of
        the bot's slots to be taken. The rest is the scenario's.
    :raises MissingCandles: when a recorded one has no candles here, with the line to download them.
    :raises RefuseToStart: for bad options, or when Freqtrade itself does not start.
    """
    user = user_config(options)
    timeframe = _timeframe(user, options)
    minutes = min(60, interval_minutes(timeframe))
    pairs = [spot_name(pair) for pair in _pairs(user, options)]
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    plan = replace(
        options,
        live=True,
        timeframe=timeframe if minutes < 60 else "1h",
        loop_seconds=max(60, minutes * 30),
        history_days=_history(minutes),
        pairs=tuple(pairs),
        run_dir=options.userdir / "rehearsal" / f"{stamp}-{scenario.name}",
    )
    risk = Settings.from_config(dict(user)).risk
    moves = {pair: scenario.moves.get(asset_of(pair, risk).kind, 0.0) for pair in (*pairs, *PEGS)}
    if scenario.recorded is not None:
        plan = _recorded(scenario, scenario.recorded, plan, user)
        window = (0.0, 0.0, 0.0)
    else:
        full = max(LEAD_HOURS, options.days * 24)
        window = (LEAD_HOURS, full, full + ANY_HOURS)
        plan = replace(plan, datadir=None, start=None, days=(window[2] + 1 + scenario.hours) / 24)
    play = Play(scenario, window, _slots(user, len(pairs)), moves)
    result = rehearse_live(plan, on_progress, play=play)
    return _outcome(scenario, result, user)


PEGS = ("USDC/USDT", "USDT/USDC", "USDT/USD", "USDT/EUR")


def _timeframe(user: Mapping[str, Any], options: RehearsalOptions) -> str:
    """Return the strategy's timeframe: the config's, or that of its class."""
    if user.get("timeframe"):
        return str(user["timeframe"])
    from freqtrade.exceptions import FreqtradeException
    from freqtrade.resolvers import StrategyResolver

    from freqpilot.host.commands.doctor import load_config

    try:
        config = load_config([str(file) for file in options.configs], str(options.userdir))
        path = {"strategy_path": options.strategy_path} if options.strategy_path else {}
        named = options.strategy or config.get("strategy")
        strategy = StrategyResolver.load_strategy({**config, **path, "strategy": named})
    except FreqtradeException as fault:
        raise RefuseToStart(f"the strategy cannot be loaded: {fault}") from None
    return str(strategy.timeframe)


def _pairs(user: Mapping[str, Any], options: RehearsalOptions) -> Sequence[str]:
    whitelist = user.get("exchange", {}).get("pair_whitelist", [])
    listed = [name for name in whitelist if "*" not in name]
    return options.pairs or listed or DEFAULT_PAIRS


def _slots(user: Mapping[str, Any], pairs: int) -> int:
    """Return how many positions the bot may hold at once, as its config has it."""
    given = float(user.get("max_open_trades", -1))
    return pairs if given < 0 else max(1, int(min(given, pairs)))


def _history(minutes: int) -> int:
    """Return the days of candles before the start: as many as a strategy may ask for."""
    days = HISTORY_CANDLES * minutes // 1_440
    return max(LEAST_HISTORY_DAYS, min(MOST_HISTORY_DAYS, days))


def _recorded(
    scenario: Scenario, week: Recorded, plan: RehearsalOptions, user: Mapping[str, Any]
) -> RehearsalOptions:
    """Return the plan of a recorded week.

    :raises MissingCandles: when a pair has no candles of it.
    """
    exchange = str(user.get("exchange", {}).get("name", "binance"))
    folder = plan.datadir or plan.userdir / "data" / exchange
    begin, end = week.begin, week.begin + timedelta(days=week.days)
    absent, short = [], []
    for pair in plan.pairs:
        file = candle_file(folder, pair, plan.timeframe)
        if not file.is_file():
            absent.append(pair)
        elif not _covers(file, begin, end):
            short.append(pair)
    if absent or short:
        raise MissingCandles(_download(scenario, plan, folder, absent, short, begin, end))
    loop = plan.loop_seconds // 2  # there is no strike around which it would be shorter
    return replace(plan, datadir=folder, start=begin, days=week.days, loop_seconds=loop)


def _covers(file: Path, begin: datetime, end: datetime) -> bool:
    dates = pd.read_feather(file, columns=["date"])["date"]
    return len(dates) > 0 and dates.iloc[0] <= begin and dates.iloc[-1] >= end


def _download(
    scenario: Scenario,
    plan: RehearsalOptions,
    folder: Path,
    absent: Sequence[str],
    short: Sequence[str],
    begin: datetime,
    end: datetime,
) -> str:
    pairs = [*absent, *short]
    line = [
        "freqtrade download-data",
        *(f"-c {shlex.quote(str(file))}" for file in plan.configs),
        f"--userdir {shlex.quote(str(plan.userdir))} --datadir {shlex.quote(str(folder))}",
        f"--trading-mode spot --timeframes {plan.timeframe}",
        f"--timerange {begin - RECORDED_HISTORY:%Y%m%d}-{end + timedelta(days=1):%Y%m%d}",
        *(("--prepend",) if short else ()),
        f"--pairs {' '.join(pairs)}",
    ]
    others = [pair for pair in plan.pairs if pair not in pairs]
    leave = ""
    if others:
        named = " ".join(f"--pair {pair}" for pair in others)
        leave = f" One that was not listed yet is left out by naming the others: {named}"
    return (
        f"{scenario.name} was not played: {folder} has no {plan.timeframe} candles of "
        f"{begin:%Y-%m-%d} to {end:%Y-%m-%d} of {', '.join(pairs)}. Get them with: "
        f"{' '.join(line)}.{leave}"
    )


def _outcome(scenario: Scenario, result: LiveSummary, user: Mapping[str, Any]) -> Outcome:
    folder, struck = result.run.run_dir, result.struck or Struck()
    before, lowest, after, drawdown = _account(struck)
    named = {breach.rule for breach in result.breaches} & set(scenario.expected)
    return Outcome(
        scenario=scenario.name,
        what=scenario.what,
        synthetic=result.run.synthetic,
        supervised="freqpilot" in user,
        currency=str(user.get("stake_currency", "USDT")),
        struck=None if struck.at is None else _moment(struck.at).isoformat(),
        held=struck.held,
        exposed=float(struck.exposed) / before if before > 0 else 0.0,
        before=before,
        lowest=lowest,
        after=after,
        worth=after * (1.0 - scenario.depeg),
        drawdown=drawdown,
        halts=_halts(folder / STORE),
        exits=_exits(folder / DATABASE, struck.at),
        changed=_changed(folder / STORE),
        unstopped=struck.left,
        stuck=struck.stuck,
        naked=dict(struck.naked),
        unsent=dict(result.unsent),
        unable=_unable(folder / LOG),
        breaches=tuple(str(each) for each in result.breaches if each.rule not in named),
        expected=tuple(f"{rule}: {scenario.expected[rule]}" for rule in sorted(named)),
        finished=result.run.finished,
        folder=str(folder),
    )


def _account(struck: Struck) -> tuple[float, float, float, float]:
    """Return the account when it struck, at its lowest since, at the end, and its largest fall."""
    at = math.inf if struck.at is None else struck.at
    peak = before = lowest = after = Decimal(0)
    fall = 0.0
    for time, equity in sorted(struck.equity.items()):
        peak, after = max(peak, equity), equity
        if time <= at:
            before = lowest = equity
        else:
            lowest = min(lowest, equity)
            fall = max(fall, float(1 - equity / peak) if peak > 0 else 0.0)
    return float(before), float(lowest), float(after), fall


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _halts(store: Path) -> tuple[str, ...]:
    events = rows(store, "event", "time, kind, text")
    return tuple(f"{e['time'][:16]} {e['text']}" for e in events if e["kind"] == "halt")


def _exits(database: Path, since: int | None) -> dict[str, int]:
    begin = "" if since is None else _moment(since).strftime("%Y-%m-%d %H:%M:%S")
    closed = rows(database, "trades", "close_date, exit_reason")
    found = (e for e in closed if e["close_date"] and str(e["close_date"]) >= begin)
    return dict(Counter(str(each["exit_reason"]) for each in found).most_common())


def _unable(log: Path) -> dict[str, int]:
    """Return how often Freqtrade could not send an exit, by pair and the reason that it logged."""
    counts: Counter[str] = Counter()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if found := UNABLE.search(line):
                counts[f"{found[1]} ({found[2].strip()})"] += 1
    return dict(counts.most_common())


def _changed(store: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    if store.exists():
        for each in saved_interventions(f"sqlite:///{store}").values():
            for row in each["rows"]:
                counts[f"{row['kind']} {row['rule']}"] += int(row["orders"])
    return dict(counts.most_common())
