"""Where the doors and the layered configs lie, in a checkout and in a wheel."""

from pathlib import Path
from typing import Literal, get_args

import freqpilot

DoorKind = Literal["strategies", "freqaimodels", "hyperopts", "protections", "pairlists"]
KINDS: tuple[DoorKind, ...] = get_args(DoorKind)
PACKAGE = Path(freqpilot.__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """Return the folder ``name`` that travels with the pack.

    A checkout has it at the root of the repository, a wheel under ``freqpilot/doors``.

    :raises FileNotFoundError: when the installation is broken.
    """
    packaged = PACKAGE / "doors" / name
    if packaged.is_dir():
        return packaged
    checkout = PACKAGE.parents[1] / name
    if (PACKAGE.parents[1] / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    raise FileNotFoundError(
        f"the folder {name!r} of freqpilot is missing (looked in {packaged} and {checkout}); "
        "reinstall freqpilot"
    )


def door_dir(kind: DoorKind) -> Path:
    """Return the folder with the pack's plug-ins of one kind."""
    return PACKAGE / "pairlists" if kind == "pairlists" else resource_dir(kind)


def config_dir() -> Path:
    """Return the folder with the pack's layered configs."""
    return resource_dir("config")
