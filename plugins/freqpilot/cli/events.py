"""``freqpilot events``: what happened to the account, as the store has it."""

import json
from typing import Annotated

import typer

from freqpilot.cli.common import BotDir, ConfigFiles, bot_store

app = typer.Typer()


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
