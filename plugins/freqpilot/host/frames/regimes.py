"""Regime models on disk: fitted walk-forward from Freqtrade's candles, found again by the bot, by
backtests and by pairlists. Where a model is missing, stale or corrupt, the rules decide instead."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded
from freqpilot.host.run.once import warn_once
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings
from freqpilot.signals import hmm

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def folder_of(user_data: Path) -> Path:
    """Return where models are kept."""
    return user_data / "models" / "regimes"


def models_of(config: dict[str, Any]) -> tuple[RegimeModel, ...]:
    """Return the models of the bot's ``user_data_dir``, by ``fitted_until``; the method ``rules``
    has none. Each file that cannot be used is logged once, and so is a folder without a model."""
    if Settings.from_config(config).signals.regimes.method != "hmm":
        return ()
    folder = folder_of(Path(config["user_data_dir"]))
    models, faults = load(folder)
    for fault in faults:
        warn_once(logger, fault)
    if not models:
        warn_once(logger, f"{folder} holds no regime model: the rules tell the regime. {MEND}")
    return models


MEND = "Fit some with freqpilot regimes fit"


def load(folder: Path) -> tuple[tuple[RegimeModel, ...], tuple[str, ...]]:
    """Return the models of a folder by ``fitted_until``, and why others cannot be used. A file is
    read again when it has changed."""
    models, faults = [], []
    for file in sorted(folder.glob("*.json")):
        stat = file.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if _read.get(file, (None, None))[0] != stamp:
            _read[file] = (stamp, read_model(file))
        found = _read[file][1]
        if isinstance(found, str):
            faults.append(found)
        elif found is not None:
            models.append(found)
    return tuple(sorted(models, key=lambda model: model.fitted_until)), tuple(faults)


_read: dict[Path, tuple[tuple[int, int] | None, RegimeModel | str | None]] = {}


def read_model(file: Path) -> RegimeModel | str:
    """Return a file's model, or why it cannot be used."""
    try:
        model = RegimeModel.load(file)
    except Degraded as error:
        return str(error)
    if model.inputs[: len(hmm.INPUTS)] != hmm.INPUTS or model.names != hmm.state_names(model):
        return f"the regime model {file} is of another version of Freqpilot, so not used. {MEND}"
    return model


def describe(config: dict[str, Any]) -> str:
    """Return one line for ``doctor``.

    :raises Degraded: when models are wanted and the newest is missing, stale or corrupt.
    """
    settings = Settings.from_config(config).signals.regimes
    if not settings.enabled or settings.method != "hmm":
        return "told by the rules" if settings.enabled else "off"
    folder = folder_of(Path(config["user_data_dir"]))
    models, faults = load(folder)
    if faults:
        raise Degraded(faults[0])
    if not models:
        raise Degraded(f"{folder} holds no model: the rules tell the regime. {MEND}")
    until = EPOCH + timedelta(microseconds=models[-1].fitted_until // 1000)
    if datetime.now(UTC) - until > timedelta(days=settings.max_model_days):
        raise Degraded(
            f"the newest model is of {until:%Y-%m-%d}: the rules tell the regime. {MEND}"
        )
    return f"{len(models)} model(s), the newest of candles until {until:%Y-%m-%d}"
