"""The set-up seam: sees the whole configuration after Freqtrade has read it and before it
validates it, so what Freqpilot adds is there in every command."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.execution.venues import proven, unproven_in
from freqpilot.host.boot import passwords
from freqpilot.host.boot.digests import data_digest, facts_digest, pack_digest, stamp_identifier
from freqpilot.host.boot.needs import groups_for, guard
from freqpilot.host.seams import activation
from freqpilot.host.seams.freqtrade import ConfigurationReader
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.risk.exits import plan as exitplan
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

_command: ContextVar[str | None] = ContextVar("freqpilot_command", default=None)
"""The command of Freqtrade whose configuration is being read in this thread."""


def prepare(config: dict[str, Any]) -> None:
    """Validate the ``freqpilot`` section and add what the seams need to ``config``.

    With trades open a bot that trades goes on exits-only instead; see
    :mod:`freqpilot.host.boot.unclean`.

    :raises OperationalException: Freqtrade's own, with one line that says what to mend.
    """
    from freqpilot.host.boot import reload, resolvers, standin, unclean
    from freqpilot.host.freqai import memory
    from freqpilot.host.run.decisionlog import DecisionLog

    passwords.hide(config)
    try:
        standin.keep_apart(config)  # before the data folder is read or the section digested
        settings = Settings.from_config(config)
        resolvers.announce_pairlists(config)
        refuse_masked_exits(config)
        refuse_masked_targets(config, settings)
        refuse_unsupervised_trading(config, settings)
        refuse_unproven_exchange(config, settings)
    except RefuseToStart as error:
        settings = unclean.accept_settings(config, error)
    else:
        unclean.settings_are_sound(config)
    groups = groups_for(config, _command.get())
    unclean.accept_seams(config, groups)
    unclean.shut_entries(config)
    if unclean.only_checks():
        return
    memory.lean_candles()  # before a candle is read
    DecisionLog.user_data = Path(config.get("user_data_dir") or "user_data")
    config.setdefault("internals", {})["freqpilot"] = activation.carrier()
    section = dict(config.get("freqpilot", {}))
    section["digest"] = {**settings.digest, "pack": pack_digest(), "data": data_digest(config)}
    # What neither trades nor tests has no result that facts could change.
    if guard(groups) and (known := facts_digest(config, settings)) is not None:
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


def refuse_unproven_exchange(config: dict[str, Any], settings: Settings) -> None:
    """Refuse to trade live on an exchange that is not proven, without a person's word."""
    exchange = unproven_in(config)
    if exchange is None or settings.risk.unproven_exchange or str(config["runmode"]) != "live":
        return
    mode = config.get("trading_mode") or "spot"
    raise RefuseToStart(
        f"{exchange} ({mode}) is an unproven exchange: an order whose answer is lost may not be "
        f"found there again. Proven are: {proven()}. To trade there all the same, add "
        '"risk": {"unproven_exchange": true} to the freqpilot section of the config'
    )


def _make_prepare(original: Callable[..., Any]) -> Callable[..., Any]:
    def process(config: dict[str, Any]) -> None:
        original(config)
        prepare(config)

    return process


def _make_runmode(original: Callable[..., Any]) -> Callable[..., Any]:
    def _process_runmode(self: ConfigurationReader, config: dict[str, Any]) -> Any:
        _command.set(self.args.get("command"))
        return original(self, config)

    return _process_runmode


def apply_refusal() -> None:
    """Put only what ends the configuration in place, so that the refusal is one line."""
    _END.check()
    _END.apply()


_END = Place(
    "freqtrade.configuration.configuration:process_temporary_deprecated_settings",
    ["config"],
    _make_prepare,
)
CONFIGURATION = "freqtrade.configuration.configuration:Configuration"
SEAMS = (
    Seam(
        "config",
        "check the freqpilot section, and carry Freqpilot into worker processes",
        until="Freqtrade calls a plug-in with its whole configuration",
        places=(
            _END,
            Place(f"{CONFIGURATION}._process_runmode", ["config"], _make_runmode),
            Place(f"{CONFIGURATION}.load_config"),
            Place(passwords.SECRETS),
        ),
    ),
)
