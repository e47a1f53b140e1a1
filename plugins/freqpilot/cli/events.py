"""``freqpilot events`` and ``freqpilot refusals``: what happened to the account and to a strategy's
orders, as the store has it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from freqpilot.cli.common import BotDir, ConfigFiles, bot_store, console

app = typer.Typer()

NEWEST = 10
"""Reasons that are shown beside the table."""
KINDS = ("veto", "cut", "catastrophe stop", "near liquidation", "beyond its stop")
"""Kinds of events that give these reasons."""


@app.command()
def events(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    level: Annotated[
        str, typer.Option("--level", help="INFO, WARNING, CRITICAL or EMERGENCY and above.")
    ] = "INFO",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the newest events, oldest first: halts, vetoes, differences, alerts that left."""
    from freqpilot.control.events import as_line, as_record
    from freqpilot.errors import RefuseToStart
    from freqpilot.store import LEVELS, open_store

    if level.upper() not in LEVELS:
        raise RefuseToStart(
            f"--level {level} does not exist: write one of {', '.join(LEVELS)}; open trades are "
            "untouched"
        )
    named = bot_store(config, userdir, aside=as_json)
    store = open_store(named.url)
    found = store.events(limit=limit, level=level.upper())
    waiting = len(store.alerts())
    store.close()
    if as_json:
        typer.echo(json.dumps([as_record(event) for event in found], indent=1))
        return
    typer.echo("\n".join(map(as_line, found)) or f"no such event is in {named.shown}")
    if waiting:
        typer.echo(f"{waiting} alert(s) wait to be delivered")


@app.command()
def refusals(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="List each order, with what the price did since."),
    ] = False,
    hours: Annotated[float, typer.Option("--hours", min=1, help="Since: so many hours.")] = 24,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    timeframe: Annotated[
        str, typer.Option("--timeframe", help="Of the candles; the config's, or 1h.")
    ] = "",
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Freqtrade's folder of candles.")
    ] = None,
) -> None:
    """Show which of the strategy's orders the limits cut or refused since the bot's last start, and
    which positions were closed, by rule and entry tag, and the newest reasons.

    With --shadow each is listed: what the profile watch let through, what was refused, and what was
    on paper alone, with the change of the price from then on, by candles on disk (freqtrade
    download-data brings them up to date).
    """
    if shadow:
        _show_shadows(config, userdir, hours, limit, timeframe, datadir, as_json=as_json)
        return
    from freqpilot.control.events import as_line
    from freqpilot.host.account.interventions import table
    from freqpilot.host.account.saved import saved_interventions
    from freqpilot.store import open_store

    named = bot_store(config, userdir, aside=as_json)
    found = {
        key.removeprefix("ledger "): each for key, each in saved_interventions(named.url).items()
    }
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for mode, each in found.items():
        title = f"{mode}, since {each['since'][:16].replace('T', ' ')} UTC"
        if each["rows"]:
            console().print(table(each["rows"], title))
        else:
            typer.echo(f"{title}: no order was cut or refused")
    if not found:
        typer.echo("no order was cut or refused yet; freqpilot risk shows the limits")
    store = open_store(named.url)
    newest = [event for kind in KINDS for event in store.events(kind, limit=NEWEST)]
    store.close()
    lines = sorted(newest, key=lambda event: event.time)[-NEWEST:]
    typer.echo("\n".join(map(as_line, lines)))


def _show_shadows(
    config: list[str] | None,
    userdir: Path | None,
    hours: float,
    limit: int,
    timeframe: str,
    datadir: Path | None,
    *,
    as_json: bool,
) -> None:
    from freqpilot.control.shadows import print_shadows, record
    from freqpilot.host.commands import shadows, storefile
    from freqpilot.store import open_store

    named = bot_store(config, userdir, aside=as_json)
    store = open_store(named.url)
    orders = store.shadows(limit=limit)
    store.close()
    read = storefile.read_config(config, userdir)
    folder = shadows.folder_of(read, datadir)
    chosen = timeframe or str(read.get("timeframe") or shadows.TIMEFRAME)
    form = str(read.get("dataformat_ohlcv") or "feather")
    found = shadows.outcomes(orders, folder, chosen, hours, form)
    if as_json:
        typer.echo(json.dumps([record(*each) for each in found], indent=1))
        return
    if not found:
        typer.echo("no order was refused or judged yet that a shadow would be kept of")
        return
    print_shadows(found, hours, console())
    if missing := sorted({order.pair for order, after in found if after is None}):
        typer.echo(
            f"what {', '.join(missing)} did since is not in the {chosen} candles of {folder}: run "
            "freqtrade download-data"
        )
