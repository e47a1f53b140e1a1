"""What the commands share."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="A Freqtrade config file; may be given several times."),
]


UserDir = Annotated[Path, typer.Option("--userdir", help="Freqtrade's user_data folder.")]


def console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)
