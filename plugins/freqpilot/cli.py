"""The ``freqpilot`` command. It only parses and prints; the rooms do the work."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from freqpilot.cli_text import text_export
from freqpilot.errors import FreqpilotError, RefuseToStart

app = typer.Typer(
    name="freqpilot",
    help="Supervised autonomous trading for Freqtrade.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="A Freqtrade config file; may be given several times."),
]
UserDir = Annotated[Path, typer.Option("--userdir", help="Freqtrade's user_data folder.")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Print the version on request."""
    if show:
        from freqpilot import __version__

        typer.echo(f"freqpilot {__version__}")
        raise typer.Exit


@app.command()
def init(
    userdir: UserDir = Path("user_data"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the pack's files.")] = False,
) -> None:
    """Write Freqpilot's layered configs into USERDIR/freqpilot, beside your own."""
    from freqpilot.host.init import init as write

    done = write(userdir, force=force)
    for file in done.written:
        typer.echo(f"written  {file}")
    for file in done.kept:
        typer.echo(f"kept     {file} (--force overwrites it)")
    typer.echo(
        f"\nAdd Freqpilot to your own config:\n"
        f"  freqtrade trade -c config.json -c {done.folder / 'freqpilot.json'}\n"
        f"or check first:\n"
        f"  freqpilot doctor -c config.json -c {done.folder / 'freqpilot.json'}"
    )


@app.command()
def doctor(
    config: ConfigFiles = None,
    userdir: Annotated[Path | None, typer.Option("--userdir", help="user_data folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check Freqtrade, config, data, port and database; exit 1 when something is not well."""
    from freqpilot.host.doctor import examine

    findings = examine(config or [], str(userdir) if userdir else None)
    well = all(finding.ok for finding in findings)
    if as_json:
        document = {"ok": well, "findings": [finding.as_dict() for finding in findings]}
        typer.echo(json.dumps(document, indent=2))
    else:
        from rich.table import Table

        table = Table("", "check", "detail", box=None, pad_edge=False)
        for finding in findings:
            table.add_row("ok" if finding.ok else "FAULT", finding.check, finding.detail)
        _console().print(table)
    raise typer.Exit(0 if well else 1)


facts = typer.Typer(help="Facts from outside, as they were known.", no_args_is_help=True)
app.add_typer(facts, name="facts")


@facts.command("import")
def facts_import(
    files: Annotated[list[Path], typer.Argument(help="csv (also compressed) or parquet files.")],
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    source: Annotated[str, typer.Option("--source", help="For files without it.")] = "",
    asset: Annotated[str, typer.Option("--asset", help="For files without it.")] = "",
    metric: Annotated[str, typer.Option("--metric", help="For files without it.")] = "",
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="Facts known before they happen, as unlocks.")
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out.")] = False,
) -> None:
    """Append facts: source, asset, metric, value, event_time, available_at[, vintage].

    Times are ISO 8601. What is there already is left alone, so a file may be imported again.
    """
    from datetime import UTC, datetime

    from freqpilot.facts.importer import import_file
    from freqpilot.facts.store import FactStore

    given = {"source": source, "asset": asset, "metric": metric}
    store = FactStore.open(_facts_url(config, userdir))
    for file in files:
        with _console().status(f"{file}: reading") as status:
            done = import_file(
                store,
                file,
                datetime.now(UTC),
                defaults={name: value for name, value in given.items() if value},
                scheduled=scheduled,
                skip_bad=skip_bad,
                progress=lambda file, rows: status.update(f"{file}: {rows:,} rows"),
            )
        typer.echo(
            f"{file}: {done.added:,} new, {done.known:,} known already, {done.empty:,} without "
            f"value, {done.refused:,} refused"
        )
        typer.echo("".join(f"  refused {fault}\n" for fault in done.faults), nl=False)
    store.close()


@facts.command("list")
def facts_list(config: ConfigFiles = None, userdir: UserDir = Path("user_data")) -> None:
    """Show which facts there are, and from when to when."""
    from rich.table import Table

    from freqpilot.facts.store import FactStore

    store = FactStore.open(_facts_url(config, userdir), writes=False)
    names = ("source", "asset", "metric", "facts", "first event", "last event", "last available")
    table = Table(*names, box=None, pad_edge=False)
    for each in store.summary():
        times = (each.first_event, each.last_event, each.last_available)
        cells = (each.source, each.asset, each.metric, f"{each.count:,}")
        table.add_row(*cells, *(f"{time:%Y-%m-%d %H:%M}" for time in times))
    store.close()
    _console().print(table)


text = typer.Typer(help="What is made of headlines and posts.", no_args_is_help=True)
app.add_typer(text, name="text")
text.command("export")(text_export)
Texts = Annotated[list[str], typer.Argument(help="Each in quotes.")]


@text.command("score")
def text_score(
    texts: Texts, config: ConfigFiles = None, userdir: UserDir = Path("user_data")
) -> None:
    """Score texts as the collector does: -1 (bad) to 1 (good), and how sure."""
    from freqpilot.control.texts import print_scores

    print_scores(_tried(texts, config, userdir), _console())


@text.command("link")
def text_link(
    texts: Texts, config: ConfigFiles = None, userdir: UserDir = Path("user_data")
) -> None:
    """Show which coins texts are about, by what they are known, and which events are told."""
    from freqpilot.control.texts import print_links

    print_links(_tried(texts, config, userdir), _console())


@text.command("train")
def text_train(
    data: Annotated[list[Path], typer.Option("--data", help="csv: text, label or score.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    name: Annotated[str, typer.Option("--name", help="Its figures' source is text.NAME.")] = "own",
) -> None:
    """Train a scorer of your own on labelled texts, for freqpilot.facts.text.head."""
    from datetime import UTC, datetime

    from freqpilot.host.texts import train

    made, count = train(data, out, name, datetime.now(UTC))
    typer.echo(
        f"{out}: {made.name}-{made.version}, trained on {count:,} texts; "
        "python -m benchmarks.text measures one on held-out texts"
    )


def _tried(texts: list[str], config: list[str] | None, userdir: Path) -> Any:
    from freqpilot.host.doctor import load_config
    from freqpilot.host.texts import tried
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    return tried(settings, userdir.resolve(), texts)


@app.command()
def collect(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    once: Annotated[bool, typer.Option("--once", help="One turn of each source.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show how each feed fares.")] = False,
    sources: Annotated[bool, typer.Option("--list", help="Show the sources there are.")] = False,
    accept: Annotated[
        str, typer.Option("--accept", help="SOURCE/METRIC@ASSET: keep what was set aside.")
    ] = "",
) -> None:
    """Collect facts from the sources under freqpilot.facts.sources, until it is stopped.

    A process of its own: the bot only reads. Keys come from the environment. --status ends with 1
    when a feed is not well.
    """
    import logging
    from datetime import UTC, datetime

    from freqpilot.control.collecting import print_quarantine, print_sources, print_status
    from freqpilot.host import collecting
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    if sources:
        print_sources(collecting.specs(), _console())
        return
    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    folder, now = userdir.resolve(), datetime.now(UTC)
    if accept:
        typer.echo(f"{collecting.accept(settings, folder, accept, now)} readings are kept now")
    elif status:
        found = collecting.status(settings, folder, now)
        print_status(found.lines, _console())
        print_quarantine(found.quarantined, _console())
        typer.echo(
            f"the collector {'runs' if found.alive(now) else 'does not run'}"
            + (f", last beat {found.beat:%Y-%m-%d %H:%M:%S}" if found.beat else "")
        )
        raise typer.Exit(0 if found.well(now) else 1)
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        collecting.collect(settings, folder, once=once, say=typer.echo)


def _facts_url(config: list[str] | None, userdir: Path) -> str:
    from freqpilot.host.doctor import load_config
    from freqpilot.host.factframes import facts_url
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    return facts_url(settings, userdir.resolve())


regimes = typer.Typer(help="Models of the market's regimes.", no_args_is_help=True)
app.add_typer(regimes, name="regimes")


@regimes.command("fit")
def regimes_fit(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Folder of candles; default: the config's.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option("--pair", help="Several times; default: the whitelist.")
    ] = None,
    begin: Annotated[str, typer.Option("--from", help="First day; default: one model.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last day; default: now.")] = "",
    every: Annotated[int, typer.Option("--every", min=1, help="Days between models.")] = 30,
    window: Annotated[int, typer.Option("--window", min=90, help="Days of candles each.")] = 730,
    timeframe: Annotated[str, typer.Option("--timeframe", help="The strategy's.")] = "1h",
    fear_greed: Annotated[
        str, typer.Option("--fear-greed", help="A metric of 0…100, as fear_greed@*.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Fit those that are there anew.")] = False,
) -> None:
    """Fit models for signals.regimes.method hmm: each sees only candles closed by its day.

    Without --from the newest one; with it all of its schedule, for backtests. Exit 1 when one could
    not be fitted: an older one, or the rules, tell the regime then.
    """
    from freqpilot.host import regimes as models
    from freqpilot.host.doctor import load_config

    found = load_config(config, str(userdir)) if config else {}
    plan = models.plan(
        found, datadir, pair or [], begin, end, every=every, window=window, timeframe=timeframe
    )
    folder = models.folder_of(Path(found.get("user_data_dir", userdir)).resolve())
    known = models.index_of(found, userdir.resolve(), fear_greed, timeframe)
    failed = False
    for until, text, well in models.write_series(plan, folder, known, force=force):
        failed = failed or not well
        typer.echo(f"{until:%Y-%m-%d}  {text}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def scorecards(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Folder of candles; default: the config's.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option("--pair", help="Several times; default: the whitelist.")
    ] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="The strategy's.")] = "1h",
) -> None:
    """Show how the analysts' strong opinions did up to the last candle, and what that moves."""
    from rich.table import Table

    from freqpilot.host.doctor import load_config
    from freqpilot.host.scorecards import COLUMNS, cards, cells

    found = load_config(config, str(userdir)) if config else {}
    for name, each in cards(found, datadir, pair or [], timeframe).items():
        table = Table(*COLUMNS, title=name, box=None, pad_edge=False)
        for card in each:
            table.add_row(*cells(card))
        _console().print(table)


@app.command()
def warm() -> None:
    """Compile all numba kernels now, so that a cold bot answers its first candle in seconds."""
    import time

    from freqpilot.features.warm import warm as compile_all

    begun = time.monotonic()
    compiled = compile_all()
    typer.echo(f"{compiled} kernels are compiled ({time.monotonic() - begun:.1f} s)")


@app.command()
def release(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Release what waits for a person: a halt, a blocked account, a losing streak, a record without
    edge."""
    from datetime import UTC, datetime

    from freqpilot.host import supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    if not yes:
        typer.confirm(
            "New positions will be allowed again. Have you reviewed the loss?", abort=True
        )
    released = supervisor.release(url, datetime.now(UTC), settings.risk)
    typer.echo("\n".join(f"released {line}" for line in released) or "nothing waits for a person")


@app.command()
def flow(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    deposit: Annotated[float, typer.Option("--deposit", help="Stake currency.")] = 0.0,
    withdraw: Annotated[float, typer.Option("--withdraw", help="Stake currency.")] = 0.0,
) -> None:
    """Declare a deposit or a withdrawal, so that it is neither profit nor loss; best before it."""
    from datetime import UTC, datetime

    from freqpilot.host import flows, supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    if deposit or withdraw:
        flows.declare(url, deposit, withdraw, datetime.now(UTC))
        typer.echo("declared; the bot takes it in at its next loop, or when it is started")
    typer.echo("\n".join(flows.describe(url)) or "no flow is open")


@app.command()
def risk(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the account beside its limits: what holds now, what would trip next, the book."""
    from datetime import UTC, datetime

    from freqpilot.control.book import print_book
    from freqpilot.control.risk import print_overview
    from freqpilot.host import supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.risk.overview import overview
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    now = datetime.now(UTC)
    found = {
        key.removeprefix("ledger "): overview(state, now, settings.risk)
        for key, state in supervisor.saved_states(url).items()
    }
    saved = supervisor.saved_books(url)
    books = {key.removeprefix("ledger "): each for key, each in saved.items()}
    if as_json:
        told = {mode: {**each.to_dict(), "book": books.get(mode)} for mode, each in found.items()}
        typer.echo(json.dumps(told, indent=1))
    elif not found:
        typer.echo(f"no account was observed yet in {url}; start the bot first")
    else:
        for mode, each in found.items():
            print_overview(mode, each, now, _console())
            if mode in books:
                print_book(mode, books[mode], _console())


@app.command()
def sleeves(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    resume: Annotated[
        list[str] | None, typer.Option("--resume", help="Switch this sleeve on again.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the sleeves of Ensemble: budget, equity, PnL, drawdown, exposure; resume one that was
    switched off."""
    from datetime import UTC, datetime

    from freqpilot.control.sleeves import print_sleeves
    from freqpilot.host import sleeves as keeper
    from freqpilot.host import supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    if resume:
        known = {name for each in keeper.saved(url).values() for name in each["sleeves"]}
        if unknown := set(resume) - known:
            raise RefuseToStart(
                f"no sleeve {', '.join(sorted(unknown))} in {url}; nothing was resumed and open "
                f"trades are untouched. Known are: {', '.join(sorted(known)) or 'none yet'}"
            )
        if not yes:
            typer.confirm("It will trade again. Have you reviewed its loss?", abort=True)
        done = keeper.resume(url, resume, datetime.now(UTC))
        typer.echo("\n".join(f"resumed {line}" for line in done) or "it was not switched off")
        return
    found = {key.removeprefix("ledger "): each for key, each in keeper.saved(url).items()}
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    elif not found:
        typer.echo(f"no sleeves were observed yet in {url}; start the bot with Ensemble first")
    else:
        for mode, each in found.items():
            print_sleeves(mode, each, _console())


@app.command()
def why(
    trade: Annotated[int, typer.Argument(help="Freqtrade's trade id, as in /status.")],
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
) -> None:
    """Tell why a trade was opened: the decision as it was recorded when its entry was filled."""
    from freqpilot.control.why import explain
    from freqpilot.host import persistence, supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    decision = persistence.recorded(url, trade)
    if decision is None:
        typer.echo(
            f"no decision of trade {trade} is recorded in {url}: it was entered by hand or by "
            "another strategy, in a backtest, or with another --userdir"
        )
        raise typer.Exit(1)
    typer.echo("\n".join(explain(trade, decision)))


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
    _console().print(summary_table(run))
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
) -> None:
    """Run the real `freqtrade trade` against the stand-in exchange on a virtual clock.

    Without --config it runs Autopilot without its model on the pack's own configs. With --live it
    trades on an account of the stand-in and the books are compared at the end; --faults, drawn from
    the seed, is a list of lost, late, timeout, reject, stop, partial, outage, limit, kill. With
    --compare a backtest of the same candles follows, and each difference is listed with its cause;
    exit 1 when one has none.
    """
    from freqpilot.host.doors import config_dir
    from freqpilot.rehearsal.session import RehearsalOptions
    from freqpilot.rehearsal.session import rehearse as play
    from freqpilot.rehearsal.show import Progress, print_summary

    own = tuple(config_dir() / f"{n}.json" for n in ("base", "autopilot", "freqpilot"))
    given = tuple(Path(file) for file in config or ())
    userdir.mkdir(parents=True, exist_ok=True)
    options = RehearsalOptions(
        userdir=userdir,
        configs=given or (() if resume else own),
        strategy=strategy,
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
    console = _console()
    if live:
        _rehearse_live(options, console, compare=compare)
    with Progress(console) as progress:
        summary = play(options, progress.show)
    print_summary(summary, console)
    raise typer.Exit(0 if summary.finished else 1)


def _rehearse_live(options: Any, console: Any, *, compare: bool) -> NoReturn:
    from freqpilot.rehearsal.compare import check
    from freqpilot.rehearsal.compare import compare as compare_with_backtest
    from freqpilot.rehearsal.live import rehearse_live
    from freqpilot.rehearsal.show import Progress, print_comparison, print_live_summary

    if compare:
        check(options)
    with Progress(console) as progress:
        result = rehearse_live(options, progress.show)
    print_live_summary(result, console)
    well = result.run.finished and not result.breaches
    if compare and result.run.finished:
        comparison = compare_with_backtest(result)
        print_comparison(comparison, console)
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
    result: Annotated[Path, typer.Argument(help="backtest-result-*.zip of freqtrade.")],
    datadir: Annotated[Path, typer.Option("--datadir", help="Folder of the candles.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("report.html"),
) -> None:
    """Write the HTML report of any Freqtrade backtest (run it with --export signals)."""
    from freqpilot.journal.backtest import load_run
    from freqpilot.journal.report import summary_table, write_report

    run = load_run(result)
    _console().print(summary_table(run))
    typer.echo(f"report: {write_report(run, datadir, output)}")


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)


def main() -> NoReturn:
    """Run the command; an error of the pack is one line and its own exit code."""
    try:
        app(standalone_mode=True)
    except FreqpilotError as error:
        typer.echo(f"freqpilot: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
