"""A start that is not clean: a seam that does not fit, a section that is not valid.

Flat, the start is refused with one line. With trades open a refusal would leave them without their
exits, so the bot starts exits-only: every seam that fits is in place, what is valid of the section
is kept, and plain Freqtrade itself is configured to open nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, NoReturn

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot import standin
from freqpilot.host.boot.needs import guard
from freqpilot.host.run import exitsonly
from freqpilot.host.seams import activation
from freqpilot.settings import Settings

Purpose = Literal["start", "reload", "check"]
"""Why a configuration is read: to start the bot, to replace a running bot's, or to look at only."""

SEAMS_CAUSE, SETTINGS_CAUSE = "seams", "settings"
TRADES = ("live", "dry_run")
KIND = "exits only"
"""Kind of the alerts of this module."""

_purpose: ContextVar[Purpose] = ContextVar("purpose", default="start")


@contextmanager
def reading_to(purpose: Purpose) -> Iterator[None]:
    """Say for the length of a block why configurations are read in this thread."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def only_checks() -> bool:
    """Tell whether a configuration is only looked at, so that nothing may change by it."""
    return _purpose.get() == "check"


def trades(config: Mapping[str, Any]) -> bool:
    """Tell whether the configuration is that of a bot that trades, live or dry."""
    return str(config.get("runmode")) in TRADES


def refuse(reason: str) -> NoReturn:
    """Refuse the configuration.

    :raises OperationalException: always.
    """
    from freqtrade.exceptions import OperationalException

    what = "Freqpilot stops the start: " if starts() else ""
    raise OperationalException(f"{what}{reason}") from None


def accept_seams(config: dict[str, Any], groups: Collection[str]) -> None:
    """Put the groups of seams in place that this configuration needs; with trades open apply those
    that fit, exits-only.

    :raises OperationalException: when a seam does not fit and nothing is open, or where a bot runs
        that was started without it.
    """
    if activation.refusal() is None and not starts():
        try:
            activation.require_fit_of(groups)
        except RefuseToStart as misfit:
            refuse(str(misfit))
    if not only_checks():
        activation.complete(groups, guards=guard(groups))
    reason = activation.refusal()
    if reason is None or SEAMS_CAUSE in exitsonly.causes():
        return
    if not _may_go_on(config) or not exitsonly.open_trades(config):
        refuse(reason)
    faults = activation.activate_partly(groups) or [reason]
    _enter(
        SEAMS_CAUSE,
        f"{'; '.join(faults)}. Freqpilot does not fit this Freqtrade. Install a version of the "
        "tested range (see `freqpilot doctor`), then restart the bot",
    )


def accept_settings(config: dict[str, Any], fault: RefuseToStart) -> Settings:
    """Return settings to go on with after a fault of the configuration, when trades are open: what
    is valid of the ``freqpilot`` section, and defaults. ``config`` gets the mended section.

    :raises OperationalException: when nothing is open, or the bot has other settings to keep.
    """
    if not _may_go_on(config):
        refuse(str(fault))
    section = valid_part(config.get("freqpilot", {}))
    whole = section == config.get("freqpilot", {}) and not masked(config)
    section.pop("supervisor", None)  # off in backtests only: without it nothing halts
    config["freqpilot"] = section
    try:
        standin.keep_apart(config)  # with trades open too: a mix would spoil the user's own files
    except RefuseToStart as mixed:
        refuse(str(mixed))
    if not exitsonly.open_trades(config):
        refuse(str(fault))
    if masked(config):
        config["use_exit_signal"] = True
        config["exit_profit_only"] = False
    replaced = "" if whole else "What is not valid is replaced by its default. "
    _enter(
        SETTINGS_CAUSE,
        f"{str(fault).rstrip('.')}. {replaced}When it is mended, send `/reload_config`",
    )
    _announce_pairlists(config)
    return Settings.from_config(config)


def masked(config: Mapping[str, Any]) -> bool:
    """Tell whether the configuration disables exits that risk limits rely on."""
    return config.get("use_exit_signal") is False or bool(config.get("exit_profit_only"))


def settings_are_sound(config: Mapping[str, Any]) -> None:
    """End exits-only where an earlier configuration was its cause. A reload waits with that until
    the bot has been made of the new one."""
    if trades(config) and starts():
        end_settings()


def end_settings() -> None:
    """End exits-only for the cause of settings, and say so where it held."""
    from freqpilot.host.alerts import events as alerts

    if SETTINGS_CAUSE not in exitsonly.causes():
        return
    exitsonly.leave(SETTINGS_CAUSE)
    rest = exitsonly.reason()
    after = f"The bot still runs exits-only: {rest}" if rest else "Entries are judged again"
    alerts.record_later(KIND, f"The configuration is valid now. {after}.", level="WARNING")


def starts() -> bool:
    """Tell whether the configuration is read to start a bot."""
    return _purpose.get() == "start"


def _enter(cause: str, reason: str) -> None:
    from freqpilot.host.alerts import events as alerts

    exitsonly.enter(cause, reason)
    text = (
        f"Freqpilot runs exits-only: {reason}. Open trades keep their stops, exits and halts; no "
        "position is opened or enlarged, and no target sells a part."
    )
    alerts.record_later(KIND, text, level="EMERGENCY")


def shut_entries(config: dict[str, Any]) -> None:
    """Configure plain Freqtrade to open nothing while seams or settings allow exits only: this
    holds even where the order gate is the seam that does not fit."""
    # A reload comes here with sound settings only, whatever those of before were.
    relevant = {SEAMS_CAUSE, SETTINGS_CAUSE} if starts() else {SEAMS_CAUSE}
    if not trades(config) or not relevant & set(exitsonly.causes()):
        return
    from freqpilot.host.boot.doors import door_dir

    config["max_open_trades"] = 0
    config["position_adjustment_enable"] = False  # partial exits go with it
    config["force_entry_enable"] = False
    # Which pairs may be entered does not matter, and a pairlist that fails would end the start.
    config["pairlists"] = [{"method": "StaticPairList"}]
    if not config["exchange"].get("pair_whitelist"):
        config["exchange"]["pair_whitelist"] = _pairs(config)
    config.setdefault("strategy_path", str(door_dir("strategies")))
    config.setdefault("freqaimodel_path", str(door_dir("freqaimodels")))


def valid_part(section: Any) -> dict[str, Any]:
    """Return a copy of a ``freqpilot`` section without what is not valid in it: of each fault the
    innermost key that holds it."""
    from copy import deepcopy

    from pydantic import ValidationError

    if not isinstance(section, Mapping):
        return {}
    kept = deepcopy(dict(section))
    while True:
        try:
            Settings.model_validate(kept)
        except ValidationError as error:
            # One at a time: a second fault in the same place would take what holds it along.
            if not _drop(kept, error.errors()[0]["loc"]):
                return {}
        else:
            return kept


def _drop(section: dict[str, Any], place: tuple[int | str, ...]) -> bool:
    """Remove the innermost dictionary key on the way to ``place``; false where there is none."""
    holder: dict[str, Any] | None = None
    name, inner = "", section
    for part in place:
        if not isinstance(inner, dict) or part not in inner:
            break
        holder, name, inner = inner, str(part), inner[str(part)]
    if holder is None:
        return False
    del holder[name]
    return True


def _may_go_on(config: Mapping[str, Any]) -> bool:
    """Tell whether a fault may be passed over at all: only where a bot is to start."""
    return trades(config) and starts()


def _pairs(config: dict[str, Any]) -> list[str]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return exitsonly.open_pairs(config)
    except SQLAlchemyError:
        return []  # Freqtrade, which needs that database, names the fault


def _announce_pairlists(config: dict[str, Any]) -> None:
    from freqpilot.host.boot import resolvers

    resolvers.announce_pairlists(config)
