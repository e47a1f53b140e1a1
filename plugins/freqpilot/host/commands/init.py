"""``freqpilot init``: puts the layered configs into a user_data folder and touches nothing else."""

from dataclasses import dataclass
from pathlib import Path

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import config_dir

FOLDER = "freqpilot"
FOLDERS = ("strategies", "freqaimodels", "hyperopts", "pairlists", "protections", "logs", "data")


@dataclass(frozen=True)
class Written:
    """What :func:`init` did: the files it wrote and those it left as they were."""

    folder: Path
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def init(user_data: Path, *, force: bool = False) -> Written:
    """Copy the pack's configs to ``user_data/freqpilot``.

    A file that is already there is kept unless ``force`` is given; no other file is read or
    changed.

    :raises RefuseToStart: when the folder cannot be written.
    """
    target = user_data / FOLDER
    written: list[Path] = []
    kept: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            (user_data / name).mkdir(exist_ok=True)
        for source in sorted(config_dir().glob("*.json")):
            file = target / source.name
            if file.exists() and not force:
                kept.append(file)
                continue
            file.write_bytes(source.read_bytes())
            written.append(file)
    except OSError as error:
        raise RefuseToStart(
            f"cannot write to {error.filename or target} ({error.strerror}); choose another folder "
            "with --userdir or mend its permissions"
        ) from None
    return Written(target, tuple(written), tuple(kept))
