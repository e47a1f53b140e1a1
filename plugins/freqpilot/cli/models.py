"""``freqpilot models``: what the bot forecasts by, and what went wrong."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from freqpilot.cli.common import ConfigFiles, UserDir

app = typer.Typer()


@app.command()
def models(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    every: Annotated[
        bool, typer.Option("--all", help="Also those of earlier settings and versions.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each pair's model: age, expiry, whether its files are whole, failures, quarantine.

    It reads the files in USERDIR/models and changes nothing. Exit 1 when a model that is shown
    cannot be used.
    """
    from rich.console import Console

    from freqpilot.control.models import print_models, print_quarantine
    from freqpilot.host.commands.doctor import load_config
    from freqpilot.host.commands.models import Inventory, read

    given = load_config(config, str(userdir)) if config else {}
    folder = Path(given.get("user_data_dir", userdir)).resolve()
    identifier = str(given.get("freqai", {}).get("identifier", "")).split("~")[0]
    found, now = read(folder, identifier), time.time()
    if not every and found.lines:
        newest = found.lines[0].identifier
        found = Inventory(
            tuple(line for line in found.lines if line.identifier == newest),
            tuple(row for row in found.aside if row[0] == newest),
            found.faults,
        )
    if as_json:
        document = {
            "models": [{**asdict(line), "well": line.well(now)} for line in found.lines],
            "quarantine": [{"identifier": name, **asdict(each)} for name, each in found.aside],
            "faults": found.faults,
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 160)
        print_models(found.lines, now, console)
        print_quarantine(found.aside, console)
        typer.echo("".join(f"{fault}\n" for fault in found.faults), nl=False)
        if not found.lines:
            typer.echo(f"no model in {folder / 'models'}: the bot trains them when it runs")
    well = not found.faults and all(line.well(now) for line in found.lines)
    raise typer.Exit(0 if well else 1)
