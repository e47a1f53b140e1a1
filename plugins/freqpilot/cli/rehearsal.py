"""Commands that play a market, and the report of a backtest."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from freqpilot.cli.common import ConfigFiles, UserDir, console
from freqpilot.errors import RefuseToStart

app = typer.Typer()


@app.command()
def demo(
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Folder of 1h feather candles.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="Days to trade.")] = 180,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the SYNTHETIC market.")] = 7,
    userdir: UserDir = Path("user_data/demo"),
) -> None:
    """Backtest Autopilot with its model and write a report; SYNTHETIC market by default."""
    from freqpilot.journal.backtest import load_run
    from freqpilot.journal.report import summary_table, write_report
    from freqpilot.rehearsal.demo import DemoOptions, candles_of, run_demo

    options = DemoOptions(userdir.resolve(), datadir and datadir.resolve(), days, seed)
    run = load_run(run_demo(options, typer.echo))
    folder, _ = candles_of(options)
    report = write_report(run, folder, options.user_data / "report.html")
    console().print(summary_table(run))
    typer.echo(f"report: {report}")


@app.command()
def rehearse(
    config: ConfigFiles = None,
    strategy: Annotated[str, typer.Option("--strategy", help="Default: the config's.")] = "",
    days: Annotated[float, typer.Option("--days", help="Market days to play.")] = 3.0,
    speed: Annotated[float, typer.Option("--speed", help="Limit, times real time; 0: none.")] = 0,
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Recorded candles; default SYNTHETIC.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the SYNTHETIC market.")] = 7,
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Several times.")] = None,
    userdir: UserDir = Path("user_data"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last one.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Live mode, on the stand-in's account.")] = (
        False
    ),
    faults: Annotated[str, typer.Option("--faults", help="With --live; `all` or a list.")] = "none",
    compare: Annotated[
        bool, typer.Option("--compare", help="With --live: backtest the same candles as well.")
    ] = False,
    strategy_path: Annotated[Path | None, typer.Option("--strategy-path")] = None,
    scenario: Annotated[
        str, typer.Option("--scenario", help="A worst day for your bot; `all` or a list.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="With --scenario: print JSON.")] = False,
) -> None:
    """Run the real `freqtrade trade` against the stand-in exchange on a virtual clock.

    Without --config it runs Autopilot without its model on the pack's own configs. With --live it
    trades on an account of the stand-in and the books are compared at the end; --faults, drawn from
    the seed, is a list of lost, late, timeout, reject, stop, partial, outage, limit, kill (of
    requests); rpc_force, second_bot, store_locked, store_down, store_full, store_restored,
    clock_jump (between loops); gap_through_stop, bad_tick, late_candles, delisted, venue_change,
    liquidation (of the market). With --compare a backtest of the same candles follows, and each
    difference is listed with its cause; exit 1 when one has none.

    With --scenario the bot, live on the stand-in, meets flash_crash, grind_down, gap, delisting,
    depeg, outage, exchange_hack, rate_shock, no_liquidity or correlation_one on a SYNTHETIC market,
    or march_2020, may_2021 or november_2022 on the candles of --datadir (default: Freqtrade's).
    Exit 1 when something broke that must always hold, 2 when candles are missing.
    """
    from freqpilot.host.boot.doors import config_dir
    from freqpilot.rehearsal.plan.session import RehearsalOptions
    from freqpilot.rehearsal.plan.session import rehearse as play
    from freqpilot.rehearsal.show import Progress, print_summary

    own = tuple(config_dir() / f"{n}.json" for n in ("base", "autopilot", "freqpilot"))
    given = tuple(Path(file) for file in config or ())
    userdir.mkdir(parents=True, exist_ok=True)
    options = RehearsalOptions(
        userdir=userdir,
        configs=given or (() if resume else own),
        strategy=strategy,
        strategy_path=strategy_path,
        datadir=datadir,
        seed=seed,
        pairs=tuple(pair or ()),
        days=days,
        speed=speed,
        resume=resume,
        live=live,
        faults=faults,
    )
    if faults != "none" and not live:
        raise RefuseToStart("--faults needs --live: a dry run sends no order that could fail")
    if compare and not live:
        raise RefuseToStart("--compare needs --live: only the stand-in's account has a ledger")
    screen = console()
    if scenario:
        _rehearse_scenarios(scenario, options, screen, as_json=as_json)
    if live:
        _rehearse_live(options, screen, compare=compare)
    with Progress(screen) as progress:
        summary = play(options, progress.show)
    print_summary(summary, screen)
    raise typer.Exit(0 if summary.finished else 1)


def _rehearse_scenarios(names: str, options: Any, screen: Any, *, as_json: bool) -> NoReturn:
    import json
    from dataclasses import asdict

    from rich.console import Console

    from freqpilot.rehearsal.bot.scenarios import MissingCandles, rehearse_scenario
    from freqpilot.rehearsal.faults.scenarios import scenarios
    from freqpilot.rehearsal.show import Progress, print_outcomes

    aside = Console(stderr=True)  # what a program reads is the result alone
    outcomes, missing = [], []
    for each in scenarios(names):
        aside.print(f"{each.name}: {each.what}", markup=False)
        try:
            with Progress(aside) as progress:
                outcomes.append(rehearse_scenario(each, options, progress.show))
        except MissingCandles as absent:
            missing.append(str(absent))
    if as_json:
        told = [{**asdict(each), "holds": each.holds} for each in outcomes]
        typer.echo(json.dumps({"played": told, "not played": missing}, indent=1))
    elif outcomes:
        print_outcomes(outcomes, screen)
    for text in missing:
        typer.echo(text, err=True)
    if not all(each.holds for each in outcomes):
        raise typer.Exit(1)
    raise typer.Exit(2 if missing else 0)


def _rehearse_live(options: Any, screen: Any, *, compare: bool) -> NoReturn:
    from freqpilot.rehearsal.bot.live import rehearse_live
    from freqpilot.rehearsal.compare.comparison import check
    from freqpilot.rehearsal.compare.comparison import compare as compare_with_backtest
    from freqpilot.rehearsal.show import Progress, print_comparison, print_live_summary

    if compare:
        check(options)
    with Progress(screen) as progress:
        result = rehearse_live(options, progress.show)
    print_live_summary(result, screen)
    well = result.run.finished and not result.breaches
    if compare and result.run.finished:
        comparison = compare_with_backtest(result)
        print_comparison(comparison, screen)
        well = well and not comparison.unexplained
    raise typer.Exit(0 if well else 1)


@app.command()
def serve(
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Recorded candles; default SYNTHETIC.")
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port on this machine.")] = 18555,
    speed: Annotated[float, typer.Option("--speed", help="Times real time.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the SYNTHETIC market.")] = 7,
) -> None:
    """Run the stand-in exchange in the foreground, for config/exchange-rehearsal.json."""
    from freqpilot.rehearsal.show import serve_market

    serve_market(datadir, port, speed, seed, typer.echo)


@app.command()
def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(help="backtest-result-*.zip of freqtrade; two with --beside."),
    ] = None,
    config: ConfigFiles = None,
    strategy: Annotated[str, typer.Option("--strategy", help="With -c; default: its own.")] = "",
    strategy_path: Annotated[Path | None, typer.Option("--strategy-path")] = None,
    timerange: Annotated[str, typer.Option("--timerange", help="With -c, as Freqtrade's.")] = "",
    beside: Annotated[
        bool, typer.Option("--beside", help="Beside the same backtest without the supervisor.")
    ] = False,
    datadir: Annotated[
        Path | None,
        typer.Option("--datadir", help="Folder of the candles; default: Freqtrade's."),
    ] = None,
    userdir: UserDir = Path("user_data"),
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("report.html"),
) -> None:
    """Write the HTML report of any Freqtrade backtest (run it with --export signals).

    With --beside it shows what the supervisor changed: return, drawdown, worst day, tail loss, and
    each trade that became another one. It takes two results, or one that was run under the
    supervisor, whose other side it runs itself, or none: then it runs both from -c and --strategy.
    """
    from freqpilot.journal.backtest import load_run
    from freqpilot.journal.report import summary_table, write_report
    from freqpilot.rehearsal.bot.beside import BesideOptions, candles_of

    files = results or []
    if len(files) > 2 or (len(files) != 1 and not beside):
        raise RefuseToStart(f"report takes one result, or two with --beside, not {len(files)}")
    options = BesideOptions(
        userdir, tuple(map(Path, config or ())), strategy, strategy_path, datadir, timerange
    )
    both = _beside(files, options) if beside else None
    run = both.guarded if both else load_run(files[0])
    if both is None:
        console().print(summary_table(run))
    folder = datadir or candles_of(run, userdir)
    typer.echo(f"report: {write_report(run, folder, output, both)}")


def _beside(files: list[Path], options: Any) -> Any:
    from freqpilot.journal import besidepage
    from freqpilot.journal.backtest import load_run
    from freqpilot.journal.beside import beside
    from freqpilot.rehearsal.bot.beside import backtest_beside, without_supervisor

    runs = [load_run(file) for file in files]
    if len(runs) == 1:
        runs.append(without_supervisor(runs[0], options, typer.echo))
    both = beside(*runs) if runs else backtest_beside(options, typer.echo)
    screen = console()
    for table in besidepage.tables(both):
        screen.print(table)
    for line in besidepage.lines(both):
        screen.print(line, markup=False)
    return both
