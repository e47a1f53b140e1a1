"""Commands that set up and look at an installation."""

import json
import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from freqpilot.cli.common import ConfigFiles, UserDir, console

app = typer.Typer()


class Profile(StrEnum):
    """How much the supervisor may do."""

    watch = "watch"
    guard = "guard"
    full = "full"


@app.command()
def init(
    userdir: UserDir = Path("user_data"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the pack's files.")] = False,
    profile: Annotated[
        Profile,
        typer.Option(
            "--profile",
            help="watch reports and changes no order; guard is for a strategy that sizes itself; "
            "full keeps all limits.",
        ),
    ] = Profile.full,
) -> None:
    """Write Freqpilot's layered configs into USERDIR/freqpilot, beside your own."""
    from freqpilot.host.commands.init import init as write

    done = write(userdir, force=force)
    for file in done.written:
        typer.echo(f"written  {file}")
    for file in done.kept:
        typer.echo(f"kept     {file} (--force overwrites it)")
    layers = f"-c config.json -c {done.folder / 'freqpilot.json'}"
    if profile is not Profile.full:
        layers += f" -c {done.folder / f'{profile.value}.json'}"
    typer.echo(
        f"\nAdd Freqpilot to your own config:\n"
        f"  freqtrade trade {layers}\n"
        f"or check first:\n"
        f"  freqpilot doctor {layers}"
    )


@app.command()
def doctor(
    config: ConfigFiles = None,
    userdir: Annotated[Path | None, typer.Option("--userdir", help="user_data folder.")] = None,
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="Beside the limits; else the config's.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check Freqtrade, config, data, port and database; exit 1 when something is not well."""
    from freqpilot.host.commands.doctor import examine

    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # what Freqtrade logs of each setting hides the table
    try:
        findings = examine(config or [], str(userdir) if userdir else None, strategy)
    finally:
        logging.disable(before)
    well = all(finding.ok for finding in findings)
    if as_json:
        document = {"ok": well, "findings": [finding.as_dict() for finding in findings]}
        typer.echo(json.dumps(document, indent=2))
    else:
        from rich.table import Table

        table = Table("", "check", "detail", box=None, pad_edge=False)
        for finding in findings:
            mark = ("look" if finding.warns else "ok") if finding.ok else "FAULT"
            table.add_row(mark, finding.check, finding.detail)
        console().print(table)
    raise typer.Exit(0 if well else 1)


@app.command()
def warm() -> None:
    """Compile all numba kernels now, so that a cold bot answers its first candle in seconds."""
    import time

    from freqpilot.features.warm import warm as compile_all

    begun = time.monotonic()
    compiled = compile_all()
    typer.echo(f"{compiled} kernels are compiled ({time.monotonic() - begun:.1f} s)")
