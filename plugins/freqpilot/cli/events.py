"""``freqpilot events`` and ``freqpilot refusals``: what happened to the account and to a strategy's
orders, as the store has it."""

import json
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
) -> None:
    """Show which of the strategy's orders the limits cut or refused since the bot's last start, and
    which positions were closed, by rule and entry tag, and the newest reasons."""
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
