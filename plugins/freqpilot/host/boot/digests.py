"""Digests of what a result depends on, so that no cache serves that of something else."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import KINDS, PACKAGE, door_dir
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)


FREQAI_KEYS = (
    "feature_parameters",
    "data_split_parameters",
    "model_training_parameters",
    "train_period_days",
    "backtest_period_days",
)


def stamp_identifier(config: dict[str, Any], digest: dict[str, str]) -> None:
    """Give FreqAI's model folder a name that changes with labels, features and parameters.

    FreqAI looks for cached predictions and models by name only and would serve those of other
    labels. Candles count in backtests only: live they grow every hour. The strategy and the model
    join in :mod:`freqpilot.host.freqai.identity`, where they are known; a backtest of live
    predictions finds them by the whole name, folder within folder, which its config has to give.
    """
    freqai = config.get("freqai", {})
    if not freqai.get("enabled") or config.get("freqai_backtest_live_models"):
        return
    base = str(freqai.get("identifier", "freqpilot")).split("~")[0]
    parts = [
        digest["pack"],
        repr(config["freqpilot"].get("labels")),
        repr(config["freqpilot"].get("seed")),
        repr(_forecasting(config["freqpilot"].get("models", {}))),
        str(config.get("freqaimodel", "")),
        *(repr(freqai.get(key)) for key in FREQAI_KEYS),
    ]
    if str(config.get("runmode")) not in ("live", "dry_run"):
        parts += [digest["data"], digest.get("facts", "")]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]
    freqai["identifier"] = f"{base}~{name}"


def _forecasting(models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model settings that change a forecast, and not who listens to it or when it is
    made."""
    return {key: models[key] for key in sorted(models) if key not in ("edge", "training")}


def pack_digest() -> str:
    """Return a digest of the pack's own sources: Freqtrade's backtest cache looks at the strategy
    file only, and would serve results of another version."""
    folders = [PACKAGE, *(door_dir(kind) for kind in KINDS)]
    digest = hashlib.sha256()
    for file in sorted({file for folder in folders for file in folder.rglob("*.py")}):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def data_digest(config: dict[str, Any]) -> str:
    """Return a digest of name, size and time of the candle files, which is what a rewrite
    changes; their content would take seconds to read at every start."""
    folder = config.get("datadir")
    digest = hashlib.sha256()
    if folder and Path(folder).is_dir():
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                stat = file.stat()
                digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def facts_digest(config: dict[str, Any], settings: Settings) -> str | None:
    """Return a digest of size and time of the file of facts, or of how many a server holds, None
    without any: a backtest on other facts is another one."""
    from freqpilot.store.urls import facts_url, sqlite_file

    folder = Path(config.get("user_data_dir") or "user_data")
    url = facts_url(settings, folder)
    file = sqlite_file(url)
    if file is None:
        return _digest_of_server(url)
    if not file.is_file():
        return None
    # Until a checkpoint what is new stands in the log beside the file.
    log = file.with_name(f"{file.name}-wal")
    stats = [each.stat() for each in (file, log) if each.is_file()]
    told = " ".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats if stat.st_size)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _digest_of_server(url: str) -> str | None:
    from sqlalchemy.exc import DBAPIError

    from freqpilot.facts.store import FactStore

    try:
        store = FactStore.open(url, writes=False)
        try:
            told = repr(store.counts())
        finally:
            store.close()
    except (DBAPIError, RefuseToStart) as error:
        # Whoever needs the facts says what is wrong; a run that needs none goes on.
        logger.debug("no digest of the facts: %s", error)
        return None
    return hashlib.sha256(told.encode()).hexdigest()[:16]
