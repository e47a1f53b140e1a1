"""The set-up seam: sees the whole configuration after Freqtrade has read it and before it
validates it, so what Freqpilot adds is there in every command."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.carrier import CARRIER
from freqpilot.host.boot.doors import KINDS, PACKAGE, door_dir
from freqpilot.host.seams.seam import Seam, expect, wrap
from freqpilot.risk import exitplan
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

FREQAI_KEYS = (
    "feature_parameters",
    "data_split_parameters",
    "model_training_parameters",
    "train_period_days",
    "backtest_period_days",
)
_HOOK = "process_temporary_deprecated_settings"


def prepare(config: dict[str, Any]) -> None:
    """Validate the ``freqpilot`` section and add what the seams need to ``config``.

    With trades open a bot that trades goes on exits-only instead; see
    :mod:`freqpilot.host.boot.unclean`.

    :raises OperationalException: Freqtrade's own, with one line that says what to mend.
    """
    from freqpilot.host.boot import reload, resolvers, standin, unclean
    from freqpilot.host.freqai import memory
    from freqpilot.host.log import DecisionLogHandler

    try:
        standin.keep_apart(config)  # before the data folder is read or the section digested
        settings = Settings.from_config(config)
        resolvers.announce_pairlists(config)
        refuse_masked_exits(config)
        refuse_masked_targets(config, settings)
        refuse_unsupervised_trading(config, settings)
    except RefuseToStart as error:
        settings = unclean.accept_settings(config, error)
    else:
        unclean.settings_are_sound(config)
    unclean.accept_seams(config)
    unclean.shut_entries(config)
    if unclean.only_checks():
        return
    memory.lean_candles()  # before a candle is read
    DecisionLogHandler.user_data = Path(config.get("user_data_dir") or "user_data")
    config.setdefault("internals", {})["freqpilot"] = CARRIER
    section = dict(config.get("freqpilot", {}))
    section["digest"] = {**settings.digest, "pack": pack_digest(), "data": data_digest(config)}
    if (known := facts_digest(config, settings)) is not None:
        section["digest"]["facts"] = known
    config["freqpilot"] = section
    stamp_identifier(config, section["digest"])
    if unclean.trades(config) and unclean.starts():
        reload.remember(config)


def refuse_masked_exits(config: dict[str, Any]) -> None:
    """Refuse settings that silently disable exits which risk limits rely on."""
    if config.get("use_exit_signal") is False:
        raise RefuseToStart(
            "use_exit_signal is false, which also disables the exits of the risk rules; "
            "remove it or set it to true"
        )
    if config.get("exit_profit_only"):
        raise RefuseToStart(
            "exit_profit_only is set, which keeps losing trades open against the risk rules; "
            "remove it or set it to false"
        )


def refuse_masked_targets(config: dict[str, Any], settings: Settings) -> None:
    """Refuse a setting without which Freqtrade never asks for a partial exit."""
    if (
        exitplan.sells_parts(settings.risk.exits)
        and config.get("position_adjustment_enable") is False
    ):
        raise RefuseToStart(
            "position_adjustment_enable is false, which disables the targets of "
            "freqpilot.risk.exits; remove one of them"
        )


def refuse_unsupervised_trading(config: dict[str, Any], settings: Settings) -> None:
    """Refuse to trade with the supervisor off: that is for comparisons in backtests only."""
    if not settings.supervisor and str(config.get("runmode")) in ("live", "dry_run"):
        raise RefuseToStart(
            "freqpilot.supervisor is false, which is for comparisons in backtests; "
            "remove it to trade"
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
    from freqpilot.host.facts.columns import facts_url

    folder = Path(config.get("user_data_dir") or "user_data")
    prefix = "sqlite:///"
    url = facts_url(settings, folder)
    file = Path(url.removeprefix(prefix))
    if not url.startswith(prefix):
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


def _check() -> None:
    from freqtrade.configuration import configuration

    expect(configuration, _HOOK, ["config"])
    expect(configuration.Configuration, "load_config")


def _apply() -> None:
    from freqtrade.configuration import configuration

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def process(config: dict[str, Any]) -> None:
            original(config)
            prepare(config)

        return process

    wrap(configuration, _HOOK, make)


def apply_refusal() -> None:
    """Put only this seam in place, so that the refusal is told as one line."""
    _check()
    _apply()


SEAMS = (
    Seam("setup", "validate the freqpilot section, carry the pack into workers", _check, _apply),
)
