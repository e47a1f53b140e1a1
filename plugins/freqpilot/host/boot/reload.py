"""A reload of the configuration that cannot end the bot.

Plain Freqtrade answers "Reloading", takes the running bot apart and only then reads the files: a
fault in them ends the process with trades open. Here the files are looked at before the answer, and
loaded completely before the bot is taken apart; a bot that cannot be made of them is made again of
the configuration that it had.
"""

import inspect
import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from freqpilot.host.boot import unclean
from freqpilot.host.run import exitsonly
from freqpilot.host.seams.freqtrade import Rpc, Worker
from freqpilot.host.seams.seam import Place, Seam, SeamError

logger = logging.getLogger(__name__)

WORKER = "freqtrade.worker:Worker"
CONFIGURATION = "freqtrade.configuration:Configuration"
KIND = "reload"
"""Kind of the alerts of this module."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 60.0
"""Seconds between two tries to make the bot again while trades are open."""


@dataclass
class Reloads:
    """What is remembered between the worker's steps.

    ``worker`` is the one of this process, ``good`` a copy of the configuration that the running bot
    was made of (with the credentials that Freqtrade then removes from its own), ``loaded`` the one
    to make the next of, ``before`` the state that a reload interrupted, ``processed`` that of the
    last loop and ``stayed`` whether the last reload left the bot as it was.
    """

    worker: Any = None
    good: dict[str, Any] | None = None
    loaded: dict[str, Any] | None = None
    before: Any = None
    processed: Any = None
    stayed: bool = False


RELOADS = Reloads()


def remember(config: dict[str, Any]) -> None:
    """Keep a copy of the configuration that a bot is being made of."""
    RELOADS.good = deepcopy(config)


def check(args: dict[str, Any], running: dict[str, Any]) -> None:
    """Read the configuration as Freqtrade does and validate it; nothing changes by it, and any
    thread may do it.

    :param args: the arguments that the bot was started with.
    :param running: its present configuration, for what strategies add to the files'.
    :raises FreqtradeException: Freqtrade's own, with what to mend.
    """
    from freqtrade.config_schema.config_schema import SCHEMA_TRADE_REQUIRED
    from freqtrade.configuration import Configuration
    from freqtrade.exceptions import OperationalException

    class Draft(Configuration):
        def _process_logging_options(self, config: dict[str, Any]) -> None:
            """Leave the logging of the running bot alone."""
            config.setdefault("verbosity", 0)

    if "-" in (args.get("config") or ()):
        raise OperationalException(
            "the configuration came from standard input, which cannot be read again; restart the "
            "bot to change it"
        )
    with unclean.reading_to("check"):
        config = Draft(deepcopy(args), None).get_config()
    for key in SCHEMA_TRADE_REQUIRED:
        if key not in config and key in running:
            config[key] = deepcopy(running[key])
    _validate(config)


def try_strategy(config: dict[str, Any]) -> None:
    """Make the strategy once and validate the configuration with what it adds; ``config`` stays as
    it is. A strategy whose file is broken could not be made of the former configuration either, so
    this comes before the bot is taken apart. To be called in the bot's own thread.

    :raises FreqtradeException: Freqtrade's own, with what to mend.
    """
    from freqtrade.resolvers import StrategyResolver

    draft = deepcopy(config)
    StrategyResolver.load_strategy(draft)
    _validate(draft)


def _validate(draft: dict[str, Any]) -> None:
    """Validate a configuration as a bot does, without its keys: Freqtrade logs what is not valid,
    which may be all of it."""
    from freqtrade.configuration import remove_exchange_credentials, validate_config_consistency

    remove_exchange_credentials(draft["exchange"], True)
    draft.pop("original_config", None)
    validate_config_consistency(draft)


def refusal(error: Exception) -> str:
    """Return why a configuration was not taken, and what that means, for the person. The reason
    stands in back quotes: Telegram refuses a message with a lone underscore outside of them."""
    from freqtrade.exceptions import FreqtradeException

    named = "" if isinstance(error, FreqtradeException) else f"{type(error).__name__}: "
    reason = f"{named}{error}".replace("`", "'").rstrip(".")
    return (
        f"The configuration was not reloaded: `{reason}`. The bot goes on with the settings that "
        "it had, and open trades are managed as before. Mend the files, then send "
        "`/reload_config` again."
    )


def _make_rpc(original: Callable[..., Any]) -> Callable[..., Any]:
    def _rpc_reload_config(self: Rpc) -> Any:
        from freqtrade.enums import State
        from freqtrade.rpc.rpc import RPCException

        bot = self._freqtrade
        if RELOADS.worker is not None:
            try:
                check(RELOADS.worker._args, bot.config)
            except Exception as error:  # whatever it is, it would end the bot
                raise RPCException(refusal(error)) from None
        if bot.state != State.RELOAD_CONFIG:
            RELOADS.before = bot.state
        return original(self)

    return _rpc_reload_config


def _make_worker(original: Callable[..., Any]) -> Callable[..., Any]:
    def _worker(self: Worker, old_state: object) -> Any:
        from freqtrade.enums import State

        if RELOADS.worker is not self:
            RELOADS.worker, RELOADS.processed, RELOADS.stayed = self, None, False
        if RELOADS.stayed:
            # The same bot goes on: after "reload" Freqtrade would start it up again.
            old_state, RELOADS.stayed = RELOADS.processed, False
        state = original(self, old_state=old_state)
        if state != State.RELOAD_CONFIG:
            RELOADS.processed = state
        return state

    return _worker


def _make_reconfigure(original: Callable[..., Any]) -> Callable[..., Any]:
    def _reconfigure(self: Worker) -> None:
        from freqtrade.configuration import Configuration

        try:
            check(self._args, self.freqtrade.config)
            with unclean.reading_to("reload"):
                loaded = Configuration(self._args, None).get_config()
            try_strategy(loaded)
        except Exception as error:  # whatever it is, the bot that runs is the better one
            _stay(self, error)
            return
        RELOADS.loaded = loaded
        try:
            original(self)
        finally:
            RELOADS.loaded = None

    return _reconfigure


def _stay(worker: Worker, error: Exception) -> None:
    """Let the running bot go on in the state that it had."""
    from freqtrade.enums import State

    from freqpilot.host.alerts import events as alerts

    bot = worker.freqtrade
    if bot.state == State.RELOAD_CONFIG:
        bot.state = RELOADS.before or RELOADS.processed or State.RUNNING
    RELOADS.stayed = True
    alerts.record_later(KIND, refusal(error), level="CRITICAL")
    bot.notify_status(refusal(error).replace("`", "'"))  # Freqtrade puts all of it in back quotes


def _make_init(original: Callable[..., Any]) -> Callable[..., Any]:
    def _init(self: Worker, reconfig: bool) -> None:
        loaded, RELOADS.loaded = RELOADS.loaded, None
        if not reconfig or loaded is None:
            original(self, reconfig)
            return
        RELOADS.processed = None  # a new bot has to be started up
        self._config, copy = loaded, deepcopy(loaded)
        try:
            original(self, False)
        except Exception as error:
            logger.exception("The bot could not be made of the new configuration")
            _make_again(self, original, error)
        else:
            remember(copy)
            unclean.end_settings()

    return _init


def _make_again(worker: Worker, original: Callable[..., Any], error: Exception) -> None:
    """Make the bot of the configuration that the former one was made of, and try until that works:
    a reload while the exchange is out of reach must not end a bot that ran.

    :raises Exception: ``error``, when there is no such configuration.
    """
    from freqtrade.enums import State

    from freqpilot.host.alerts import events as alerts

    good = RELOADS.good
    if good is None:
        raise error
    wait = 0.0
    while True:
        worker._config = deepcopy(good)
        try:
            original(worker, False)
            break
        except Exception as again:
            if not wait:
                alerts.record_later(
                    KIND, _down(error, again, exitsonly.open_trades(good)), "EMERGENCY"
                )
            wait = min(2 * wait, LONGEST_WAIT) if wait else FIRST_WAIT
            logger.error("The bot could not be made again (%s); next try in %g s", again, wait)
            worker._notify("WATCHDOG=1\nSTATUS=Trying to start again.")
            worker._sleep(wait)
    if RELOADS.before in (State.PAUSED, State.STOPPED):
        worker.freqtrade.state = RELOADS.before
    alerts.record_later(KIND, refusal(error), level="CRITICAL")


def _down(error: Exception, again: Exception, open_trades: int) -> str:
    trades = (
        "Trades are open: their stops on the exchange hold, nothing else watches them now"
        if open_trades
        else "Nothing is open"
    )
    then = ", and close the positions on the exchange yourself if this lasts" if open_trades else ""
    return (
        f"The bot could not be started with the new configuration (`{error}`), nor with the former "
        f"one (`{again}`). {trades}. It tries again at least every {LONGEST_WAIT:g} seconds. Look "
        f"at the log{then}."
    )


def _check_worker() -> None:
    from freqtrade.worker import Worker

    made = inspect.unwrap(Worker.__init__)
    if missing := {"_args", "_config"} - set(made.__code__.co_names):
        raise SeamError(f"freqtrade.worker.Worker has no {', '.join(sorted(missing))} any more")


SEAMS = (
    Seam(
        "reload",
        "reload a configuration without losing the bot that runs",
        until="Freqtrade reads a new configuration whole before it takes the bot apart",
        places=(
            Place("freqtrade.rpc.rpc:RPC._rpc_reload_config", make=_make_rpc),
            Place(f"{WORKER}.__init__", ["args", "config"]),
            Place(f"{WORKER}._worker", ["old_state"], _make_worker),
            Place(f"{WORKER}._reconfigure", make=_make_reconfigure),
            Place(f"{WORKER}._init", ["reconfig"], _make_init),
            Place(f"{WORKER}._sleep", ["sleep_duration"]),
            Place(f"{WORKER}._notify", ["message"]),
            Place("freqtrade.freqtradebot:FreqtradeBot.notify_status", ["msg"]),
            Place("freqtrade.resolvers:StrategyResolver.load_strategy", ["config"]),
            Place(f"{CONFIGURATION}.__init__", ["args", "runmode"]),
            Place(f"{CONFIGURATION}.get_config"),
            Place(f"{CONFIGURATION}._process_logging_options", ["config"]),
            Place(
                "freqtrade.configuration:remove_exchange_credentials",
                ["exchange_config", "dry_run"],
            ),
            Place("freqtrade.configuration:validate_config_consistency", ["conf"]),
            Place("freqtrade.config_schema.config_schema:SCHEMA_TRADE_REQUIRED"),
        ),
        also=_check_worker,
    ),
)
