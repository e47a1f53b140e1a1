"""A rehearsal seen from outside: starts the child process, shows its progress, stops it cleanly and
reads what Freqtrade's database holds.

The run's folder keeps all of it: plan.json (what was asked), state.json (the virtual time reached),
trades.sqlite, freqtrade.log and the overlay. A stopped run goes on with ``resume``.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.intervals import interval_minutes

STOP_PATIENCE = 120.0
"""Seconds a child may take from the stop signal to its end before it is killed."""

FAULT = re.compile(r" - (ERROR|CRITICAL) - |^[\w.]+(Error|Exception): ")
"""A logged error, or the line of a traceback that names the exception."""

PLAN, STATE, DATABASE, LOG = "plan.json", "state.json", "trades.sqlite", "freqtrade.log"
CLOCK, OVERLAY = "clock", "overlay.json"


@dataclass(frozen=True)
class RehearsalOptions:
    """What to rehearse.

    ``configs`` are the user's config files in order; ``datadir`` holds recorded feather candles,
    without it the market is invented from ``seed``. ``pairs`` empty: those of the config's
    whitelist, or all there are. ``timeframe`` is that of the tape's candles. ``start`` empty: the
    last ``days`` of the recording, or 2026-01-01 on an invented market. ``speed`` is a limit in
    multiples of real time, 0 none; ``loop_seconds`` 0: four loops a candle, at most every 15
    minutes. ``run_dir`` empty: a new folder under ``userdir``/rehearsal; with ``resume`` the latest
    there, whose plan is kept but for ``speed`` and, when given, configs and strategy. ``live``
    trades in live mode, on an account of the stand-in, with the ``faults`` of a list (see
    :mod:`freqpilot.rehearsal.faults.requests`) drawn from ``seed``; ``api_port`` opens Freqtrade's
    REST API on this machine.
    """

    userdir: Path
    configs: tuple[Path, ...] = ()
    strategy: str = ""
    strategy_path: Path | None = None
    datadir: Path | None = None
    seed: int = 20260101
    pairs: tuple[str, ...] = ()
    timeframe: str = "1h"
    days: float = 3.0
    start: datetime | None = None
    speed: float = 300.0
    loop_seconds: int = 0
    history_days: int = 200
    port: int = 0
    run_dir: Path | None = None
    resume: bool = False
    live: bool = False
    faults: str = "none"
    api_port: int = 0


@dataclass(frozen=True)
class RehearsalProgress:
    """One step: loops so far, virtual time, share of the way 0…1, real seconds, open trades."""

    loops: int
    now: datetime
    share: float
    wall_seconds: float
    open_trades: int


@dataclass(frozen=True)
class RehearsedTrade:
    """A trade of Freqtrade's database; money in stake currency, ``profit_ratio`` a fraction."""

    pair: str
    open_date: str
    close_date: str | None
    stake: float
    profit: float | None
    profit_ratio: float | None
    exit_reason: str | None
    enter_tag: str | None


@dataclass(frozen=True)
class RehearsalSummary:
    """What happened. ``loops``, ``virtual_hours``, ``speed`` and requests are this process's, the
    trades all of the run's. ``finished`` is false when it was stopped before its end; ``errors``
    are the first error lines of Freqtrade's log."""

    run_dir: Path
    synthetic: bool
    finished: bool
    start: datetime
    now: datetime
    end: datetime
    loops: int
    virtual_hours: float
    wall_seconds: float
    speed: float
    trades: tuple[RehearsedTrade, ...]
    open_trades: tuple[RehearsedTrade, ...]
    requests: int
    unknown: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()


OnProgress = Callable[[RehearsalProgress], None]


def rehearse(
    options: RehearsalOptions, on_progress: OnProgress = lambda _: None
) -> RehearsalSummary:
    """Run the real ``freqtrade trade`` (dry run) against the stand-in exchange.

    Ctrl-C or SIGTERM stops it after the loop in progress and still returns the summary.

    :raises RefuseToStart: for bad options or data, or when Freqtrade itself does not start.
    """
    run_dir = prepare(options)
    watch = Watch(run_dir, on_progress)
    with terminate_as_interrupt(), _child(run_dir) as child:
        reader = threading.Thread(target=watch.read, args=(child.stdout,), daemon=True)
        reader.start()
        try:
            while reader.is_alive():
                reader.join(0.2)
        except KeyboardInterrupt:
            child.terminate()
            reader.join(STOP_PATIENCE)
    return watch.summary()


def prepare(options: RehearsalOptions) -> Path:
    """Check the options and write the plan; returns the run's folder.

    :raises RefuseToStart: when an option is bad or there is nothing to resume.
    """
    _check(options)
    if options.resume:
        run_dir = options.run_dir or _latest(options.userdir)
        plan = _resumed(run_dir, options)
    else:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run_dir = (options.run_dir or options.userdir / "rehearsal" / stamp).resolve()
        if (run_dir / PLAN).exists() or (run_dir / DATABASE).exists():
            raise RefuseToStart(f"{run_dir} holds a rehearsal; resume it or name a new folder")
        run_dir.mkdir(parents=True, exist_ok=True)
        plan = replace(options, run_dir=run_dir)
    (run_dir / PLAN).write_text(json.dumps(_plain(plan), indent=1), encoding="utf-8")
    return run_dir


def load_plan(run_dir: Path) -> RehearsalOptions:
    """Read the plan of a run.

    :raises RefuseToStart: when there is none.
    """
    try:
        raw = json.loads((run_dir / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise RefuseToStart(f"{run_dir} holds no rehearsal to resume ({fault})") from None
    for name in ("userdir", "strategy_path", "datadir", "run_dir"):
        raw[name] = Path(raw[name]) if raw[name] else None
    raw["configs"] = tuple(Path(name) for name in raw["configs"])
    raw["pairs"] = tuple(raw["pairs"])
    raw["start"] = datetime.fromisoformat(raw["start"]) if raw["start"] else None
    return RehearsalOptions(**raw)


def read_trades(database: Path) -> tuple[RehearsedTrade, ...]:
    """Return the trades of a Freqtrade database, oldest first; none when it has no table yet."""
    if not database.exists():
        return ()
    columns = (
        "pair, open_date, close_date, stake_amount, close_profit_abs, close_profit, "
        "exit_reason, enter_tag"
    )
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'trades'").fetchone():
            return ()
        rows = connection.execute(f"select {columns} from trades order by id")  # noqa: S608
        return tuple(RehearsedTrade(*row) for row in rows)


class Watch:
    """Reads the child's reports, one JSON object a line."""

    def __init__(self, run_dir: Path, on_progress: OnProgress) -> None:
        self._run_dir, self._on_progress = run_dir, on_progress
        self._begun = time.monotonic()
        self._ready: dict[str, Any] = {}
        self._done: dict[str, Any] = {}
        self._refused = ""
        self._loops = self._seen = 0

    def read(self, lines: Iterable[str]) -> None:
        """Take in a child's reports until it ends."""
        for line in lines:
            if not line.endswith("\n"):
                return  # cut off: the child was killed in the middle of it
            report = json.loads(line)
            kind = report.pop("report")
            if kind == "ready":
                if not self._ready:
                    self._ready, self._begun = report, time.monotonic()
                self._loops, self._done = self._seen, {}
            elif kind == "loop":
                self._progress(report)
            elif kind == "done":
                self._done = report
            elif kind == "refused":
                self._refused = report["message"]

    @property
    def loops_of_life(self) -> int:
        """Loops of the process that was started last."""
        return self._seen - self._loops

    @property
    def ended_by_itself(self) -> bool:
        """Whether the last process ended although nobody asked it to."""
        return not self._done or self._done["reason"] == "fault"

    @property
    def last_error(self) -> str:
        """The last error that Freqtrade's log holds."""
        return (_error_lines(self._run_dir / LOG, most=100_000) or ("no error was logged",))[-1]

    def _progress(self, report: dict[str, Any]) -> None:
        now, end = (datetime.fromisoformat(text) for text in (report["now"], self._ready["end"]))
        start = datetime.fromisoformat(self._ready["start"])
        share = min(1.0, (now - start) / (end - start))
        wall = time.monotonic() - self._begun
        self._seen = self._loops + report["loops"]
        self._on_progress(RehearsalProgress(self._seen, now, share, wall, report["open"]))

    def summary(self, *, whole: bool = True) -> RehearsalSummary:
        """Return what was reported and what the database holds.

        :param whole: whether it must have run to its end.
        :raises RefuseToStart: when Freqtrade did not start, or did not run to the end.
        """
        errors = _error_lines(self._run_dir / LOG)
        if self._refused:
            raise RefuseToStart(self._refused)
        if not self._done or (whole and self._done["reason"] == "fault"):
            raise RefuseToStart(
                "freqtrade did not run to the end: "
                f"{errors[-1] if errors else 'no error was logged'} (see {self._run_dir / LOG})"
                f"{'; resume it to go on' if self._ready else ''}"
            )
        begun, start, now, end = (
            datetime.fromisoformat(text)
            for text in (
                self._ready["begun"],
                self._ready["start"],
                self._done["now"],
                self._ready["end"],
            )
        )
        wall = max(1e-9, float(self._done["wall_seconds"]))
        virtual = (now - begun).total_seconds()
        trades = read_trades(self._run_dir / DATABASE)
        return RehearsalSummary(
            run_dir=self._run_dir,
            synthetic=self._ready["synthetic"],
            finished=self._done["reason"] == "end",
            start=start,
            now=now,
            end=end,
            loops=self._loops + self._done["loops"],
            virtual_hours=virtual / 3600,
            wall_seconds=wall,
            speed=virtual / wall,
            trades=tuple(trade for trade in trades if trade.close_date),
            open_trades=tuple(trade for trade in trades if not trade.close_date),
            requests=self._done["requests"],
            unknown=self._done["unknown"],
            errors=errors,
        )


@contextmanager
def _child(run_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """The run's process, in a session of its own so that Ctrl-C reaches it through us only."""
    kept = dict(os.environ)
    clean_environment(kept)
    with (run_dir / LOG).open("a", encoding="utf-8") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "freqpilot.rehearsal.bot.run", str(run_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=kept,
            text=True,
            start_new_session=True,
        )
    try:
        yield child
        child.wait(STOP_PATIENCE)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        assert child.stdout is not None
        child.stdout.close()


def clean_environment(environment: MutableMapping[str, str]) -> None:
    """Take out of a bot's environment what must not reach a rehearsal."""
    # The files say what is rehearsed: an environment that sets live keys must not reach it. And
    # Freqtrade skips its logging set-up, and with it Freqpilot, where it sees pytest's variables.
    for key in [key for key in environment if key.startswith(("FREQTRADE__", "PYTEST_"))]:
        del environment[key]
    environment.update({"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"})
    environment["COLUMNS"] = "240"  # Freqtrade's log wraps at the width of the screen it has not


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end a rehearsal the way Ctrl-C does, where we own the signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check(options: RehearsalOptions) -> None:
    interval_minutes(options.timeframe)
    faults = {
        f"days is {options.days}; it must be above 0": not options.days > 0,
        f"speed is {options.speed}; it must be 0 (no limit) or above": not options.speed >= 0,
        f"loop_seconds is {options.loop_seconds}; it must be 0 (automatic) or at least 1": (
            options.loop_seconds != 0 and not options.loop_seconds >= 1
        ),
        f"start {options.start} has no time zone; give it in UTC": (
            options.start is not None and options.start.tzinfo is None
        ),
        f"{options.userdir} is no folder; create it with freqtrade create-userdir": (
            not options.userdir.is_dir()
        ),
        f"{options.datadir} is no folder of candles": (
            options.datadir is not None and not options.datadir.is_dir()
        ),
    }
    for path in options.configs:
        faults[f"there is no config file {path}"] = not path.is_file()
    for message, wrong in faults.items():
        if wrong:
            raise RefuseToStart(message)


def _latest(userdir: Path) -> Path:
    runs = sorted(path.parent for path in (userdir / "rehearsal").glob(f"*/{PLAN}"))
    if not runs:
        raise RefuseToStart(f"{userdir} holds no rehearsal to resume; start one first")
    return runs[-1]


def _resumed(run_dir: Path, options: RehearsalOptions) -> RehearsalOptions:
    plan = replace(load_plan(run_dir), speed=options.speed, resume=True)
    if options.configs:
        plan = replace(plan, configs=options.configs)
    if options.strategy:
        plan = replace(plan, strategy=options.strategy, strategy_path=options.strategy_path)
    if not (run_dir / STATE).exists():
        raise RefuseToStart(f"{run_dir} never began; start a new rehearsal")
    return plan


def _plain(plan: RehearsalOptions) -> dict[str, Any]:
    plain = asdict(plan)
    for name in ("userdir", "strategy_path", "datadir", "run_dir"):
        plain[name] = str(Path(plain[name]).resolve()) if plain[name] else None
    plain["configs"] = [str(path.resolve()) for path in plan.configs]
    plain["start"] = plan.start.isoformat() if plan.start else None
    return plain


def _error_lines(log: Path, most: int = 10) -> tuple[str, ...]:
    if not log.exists():
        return ()
    with log.open(encoding="utf-8", errors="replace") as lines:
        found = [line.strip() for line in lines if FAULT.search(line)]
    return tuple(found[:most])
