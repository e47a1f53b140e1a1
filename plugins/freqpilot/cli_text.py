"""``freqpilot text export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """How an export computes."""

    int8 = "int8"
    fp32 = "fp32"


def text_export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    config: Annotated[list[str] | None, typer.Option("--config", "-c")] = None,
    userdir: Annotated[Path, typer.Option("--userdir")] = Path("user_data"),
    name: Annotated[
        str, typer.Option("--name", help="Its figures' source is text.NAME.")
    ] = "finbert",
    precision: Annotated[Kind, typer.Option(help="int8 is fast.")] = Kind.int8,
) -> None:
    """Make the model of freqpilot.facts.text fast: int8 ONNX that needs no torch.

    Downloads the model when it is not on this machine. Refused when it does not say what the
    original says.
    """
    from freqpilot.host import scorers
    from freqpilot.host.doctor import load_config
    from freqpilot.settings import Settings

    settings = Settings.from_config(load_config(config, str(userdir)) if config else {})
    told = scorers.export(settings.facts.text, userdir.resolve(), out, name, precision.value)
    typer.echo(told)
