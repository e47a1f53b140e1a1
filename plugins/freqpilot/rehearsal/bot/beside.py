"""The backtests behind ``freqpilot report --beside``: the user's own config and strategy as they
are, and the same once more with the supervisor off."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.beside import Beside, beside, changes_orders
from freqpilot.rehearsal.bot.backtest import new_result, run_freqtrade

FOLDER = Path("backtest_results") / "beside"
"""Where the results go, in user_data: Freqtrade's own last result stays what it is."""
LAYER = "freqpilot"
NO_LAYER = (
    "without Freqpilot's layers there is nothing to compare: add -c user_data/freqpilot/"
    "freqpilot.json -c user_data/freqpilot/guard.json (freqpilot init --profile guard writes them)"
)
WATCHES = (
    "watch changes no order, so both backtests would be the same; give guard.json in its place"
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class BesideOptions:
    """What to backtest, in Freqtrade's own terms; what is empty is the config's."""

    userdir: Path
    configs: tuple[Path, ...] = ()
    strategy: str = ""
    strategy_path: Path | None = None
    datadir: Path | None = None
    timerange: str = ""


def backtest_beside(options: BesideOptions, say: Say = lambda line: None) -> Beside:
    """Run the backtest of a config with the supervisor and without it, and compare the two.

    :param say: gets a line for each step.
    :raises RefuseToStart: when the config has no supervisor that changes orders, or a backtest
        fails.
    """
    _refuse_idle(options.configs)
    say("backtest with the supervisor …")
    files = [part for file in options.configs for part in ("-c", str(file))]
    named = ("--strategy", options.strategy) if options.strategy else ()
    timerange = ("--timerange", options.timerange) if options.timerange else ()
    guarded = load_run(_backtest(options, [*files, *named, *timerange], "with"))
    return beside(guarded, without_supervisor(guarded, options, say))


def without_supervisor(
    run: BacktestRun, options: BesideOptions, say: Say = lambda line: None
) -> BacktestRun:
    """Run a backtest once more with the supervisor off, by the config that its result holds.

    :raises RefuseToStart: when the supervisor could change nothing in ``run``, or the backtest
        fails.
    """
    if not changes_orders(run):
        raise RefuseToStart(
            f"{run.file.name} is a backtest in which the supervisor could change no order, and "
            "how to run the one with it is not in it: give -c with Freqpilot's layers in its place"
        )
    say("the same backtest with the supervisor off …")
    folder = options.userdir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "without-supervisor.json"
    file.write_text(json.dumps(_supervisor_off(run), indent=1), encoding="utf-8")
    return load_run(_backtest(options, ["-c", str(file), *_same(run)], "without"), run.strategy)


def candles_of(run: BacktestRun, userdir: Path) -> Path:
    """Return where Freqtrade keeps the candles of a backtest by default."""
    exchange = run.config.get("exchange", {})
    return userdir / "data" / str(exchange.get("name", "") if exchange else "")


def _refuse_idle(configs: Sequence[Path]) -> None:
    from freqtrade.configuration.load_config import load_from_files
    from freqtrade.exceptions import FreqtradeException

    if not configs:
        raise RefuseToStart("--beside needs a result of freqtrade backtesting, or configs with -c")
    try:
        config = load_from_files([str(file) for file in configs])
    except FreqtradeException as fault:
        raise RefuseToStart(f"a config file cannot be read: {fault}") from None
    section = config.get(LAYER)
    if not isinstance(section, Mapping):
        raise RefuseToStart(NO_LAYER)
    if section.get("supervisor") is False:
        raise RefuseToStart("freqpilot.supervisor is false in the config; take it out")
    risk = section.get("risk", {})
    if isinstance(risk, Mapping) and risk.get("profile") == "watch":
        raise RefuseToStart(WATCHES)


def _supervisor_off(run: BacktestRun) -> dict[str, Any]:
    """Return the config of a result with the supervisor off, and with what the command line or the
    strategy had set in it."""
    config = {key: value for key, value in run.config.items() if key != "config_files"}
    section = {key: value for key, value in config[LAYER].items() if key not in ("run", "digest")}
    config[LAYER] = {**section, "supervisor": False}
    for name in ("stake_amount", "dry_run_wallet", "timeframe", "timeframe_detail"):
        if run.stats.get(name):
            config[name] = run.stats[name]
    if "max_open_trades_setting" in run.stats:
        config["max_open_trades"] = run.stats["max_open_trades_setting"]
    return config


def _same(run: BacktestRun) -> list[str]:
    """Return the options by which a backtest is the one of ``run``."""
    fees = {float(fee) for name in ("fee_open", "fee_close") for fee in run.trades[name]}
    return [
        *("--strategy", run.strategy),
        *(("--timerange", str(run.stats["timerange"])) if run.stats.get("timerange") else ()),
        *(("--fee", str(fees.pop())) if len(fees) == 1 else ()),
        *(("--enable-protections",) if run.stats.get("enable_protections") else ()),
        *("--pairs", *run.pairs),
    ]


def _backtest(options: BesideOptions, arguments: Sequence[str], name: str) -> Path:
    """Run one backtest and return its result."""
    folder = options.userdir / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.glob("*.zip"))
    lines = run_freqtrade(
        [
            "backtesting",
            *arguments,
            *("--userdir", str(options.userdir)),
            *(("--datadir", str(options.datadir)) if options.datadir else ()),
            *(("--strategy-path", str(options.strategy_path)) if options.strategy_path else ()),
            *("--cache", "none", "--export", "trades"),
            *("--backtest-directory", str(folder)),
        ],
        folder,
    )
    return new_result(folder, before, lines)
