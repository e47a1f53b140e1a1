"""What the commands share."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from freqpilot.host.commands.storefile import BotStore

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="A Freqtrade config file; may be given several times."),
]


UserDir = Annotated[Path, typer.Option("--userdir", help="Freqtrade's user_data folder.")]


BotDir = Annotated[
    Path | None,
    typer.Option(
        "--userdir",
        envvar="FREQPILOT_USERDIR",
        help="The bot's user_data folder; default: the config's, or user_data here.",
    ),
]


def bot_store(config: list[str] | None, userdir: Path | None, *, aside: bool = False) -> "BotStore":
    """Return the store of the bot that these options name, and print which one it is.

    :param aside: print to standard error, for a command whose output is read by programs.
    :raises RefuseToStart: when no bot has written it.
    """
    from freqpilot.host.commands import storefile

    found = storefile.find(config, userdir)
    typer.echo(f"store: {found.shown}", err=aside)
    return found


def console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)
