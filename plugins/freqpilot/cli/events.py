"""``freqpilot events``: what happened to the account, as the store has it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from freqpilot.cli.common import ConfigFiles, UserDir

app = typer.Typer()


@app.command()
def events(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    level: Annotated[
        str, typer.Option("--level", help="INFO, WARNING, CRITICAL or EMERGENCY and above.")
    ] = "INFO",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the newest events, oldest first: halts, vetoes, differences, alerts that left."""
    from freqpilot.control.events import as_line, as_record
    from freqpilot.errors import RefuseToStart
    from freqpilot.host import supervisor
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings
    from freqpilot.store import LEVELS, open_store

    if level.upper() not in LEVELS:
        raise RefuseToStart(
            f"--level {level} does not exist: write one of {', '.join(LEVELS)}; open trades are "
            "untouched"
        )
    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    url = supervisor.store_url(settings, userdir.resolve())
    store = open_store(url)
    found = store.events(limit=limit, level=level.upper())
    waiting = len(store.alerts())
    store.close()
    if as_json:
        typer.echo(json.dumps([as_record(event) for event in found], indent=1))
        return
    typer.echo("\n".join(map(as_line, found)) or f"no such event is in {url}")
    if waiting:
        typer.echo(f"{waiting} alert(s) wait to be delivered")
