"""The ``freqpilot`` command. It only parses and prints; the rooms do the work."""

import sys
from typing import Annotated, NoReturn

import typer

from freqpilot.cli import (
    account,
    counters,
    events,
    facts,
    install,
    models,
    orders,
    rehearsal,
    signals,
)
from freqpilot.errors import FreqpilotError

app = typer.Typer(
    name="freqpilot",
    help="Supervised autonomous trading for Freqtrade.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for group in (install, facts, models, signals, account, orders, events, counters, rehearsal):
    app.add_typer(group.app)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Print the version on request."""
    if show:
        from freqpilot import __version__

        typer.echo(f"freqpilot {__version__}")
        raise typer.Exit


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
