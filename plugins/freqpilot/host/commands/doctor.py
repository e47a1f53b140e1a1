"""``freqpilot doctor``: checks the installed Freqtrade, the config, the data, the port and the
database, each with the mend in its line. It changes nothing."""

import logging
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from freqpilot.errors import FreqpilotError
from freqpilot.execution.venues import is_proven, proven, unproven_in
from freqpilot.host.boot import start
from freqpilot.host.boot.doors import KINDS, DoorKind, door_dir
from freqpilot.host.boot.resolvers import class_names, resolver
from freqpilot.host.candles import files as candlefiles
from freqpilot.host.seams import activation
from freqpilot.journal.candles import is_synthetic
from freqpilot.settings import Settings

TESTED = ("2026.6", "2026.9")
"""Oldest and newest Freqtrade that ``make compat`` has run."""


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was checked, how it is, and what to do when it is not well."""

    check: str
    ok: bool
    detail: str
    warns: bool = False
    """Whether a person should read it though the bot may start."""

    def as_dict(self) -> dict[str, Any]:
        """Return the line for ``--json``."""
        return asdict(self)


def examine(
    config_files: Iterable[str] = (), user_data: str | None = None, strategy: str = ""
) -> list[Finding]:
    """Run all checks. With ``config_files`` the configuration, its data folder, port and database
    are checked as well, and what its ``strategy`` (empty: the configured one) asks of the
    limits."""
    findings = [_versions(), *_seams(), *_doors()]
    files = list(config_files)
    if not files:
        return findings
    config: dict[str, Any] = {}

    def load() -> str:
        config.update(load_config(files, user_data))
        Settings.from_config(config)
        return f"{len(files)} file(s) read, the freqpilot section is valid"

    findings.append(_run("config", load))
    if config:
        findings += [
            _run("config.activation", lambda: _activation(config)),
            _run("config.protections", lambda: _protections(config)),
            _run("exchange", lambda: _exchange(config)),
            _run("data", lambda: _data(config)),
            _run("api port", lambda: _port(config)),
            _run("database", lambda: _database(config)),
            _run("gated", lambda: _gated(config)),
            _run("loop", lambda: _loop(config)),
            _run("stake rate", lambda: _stake_rate(config)),
            *_limits(config, strategy),
            _run("orders", lambda: _orders(config)),
            _run("alerts", lambda: _alerts(config)),
            _run("facts", lambda: _facts(config)),
            _run("regimes", lambda: _regimes(config)),
            _run("model edge", lambda: _edge(config)),
            _run("models", lambda: _models(config)),
            _run("networks", lambda: _networks(config)),
            _run("collector", lambda: _collector(config)),
            _run("texts", lambda: _texts(config)),
        ]
    return findings


def load_config(files: list[str], user_data: str | None) -> dict[str, Any]:
    """Read a layered Freqtrade config without starting anything.

    :raises FreqtradeException: as Freqtrade itself does.
    """
    from freqtrade.configuration import Configuration
    from freqtrade.enums import RunMode

    args: dict[str, Any] = {"config": files, "verbosity": 0}
    if user_data:
        args["user_data_dir"] = user_data
    return dict(Configuration(args, RunMode.UTIL_NO_EXCHANGE).get_config())


def _run(check: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, work())
    except Exception as error:  # a doctor reports whatever it meets
        text = " ".join(str(error).split()) or type(error).__name__
        return Finding(check, False, text)


def _versions() -> Finding:
    def work() -> str:
        installed = version("freqtrade")
        key = tuple(int(part) for part in installed.split(".")[:2])
        low, high = (tuple(int(part) for part in text.split(".")) for text in TESTED)
        if not low <= key <= high:
            raise FreqpilotError(
                f"Freqtrade {installed} is outside the tested range {TESTED[0]}–{TESTED[1]}; "
                f"install one of it: pip install 'freqtrade[freqai]=={TESTED[1]}'"
            )
        return f"Freqtrade {installed}, freqpilot {version('freqpilot')}"

    return _run("versions", work)


def _seams() -> list[Finding]:
    findings = []
    for seam in start.all_seams():
        fault = activation.fault_of(seam)
        detail = seam.purpose if fault is None else f"{fault}; install a tested Freqtrade"
        findings.append(Finding(f"seam {seam.name}", fault is None, detail))
    start.activate()
    findings.append(_in_place())
    return findings


def _in_place() -> Finding:
    """Tell whether every seam is in place: one that something else replaced again is named."""
    if reason := activation.refusal():
        return Finding("activation", False, reason)
    missing = [seam.name for seam in start.all_seams() if not seam.is_applied()]
    if missing:
        what = f"not in place: {', '.join(missing)}; another plug-in replaced them, remove it"
        return Finding("activation", False, what)
    return Finding("activation", True, "all seams are in place")


def _doors() -> list[Finding]:
    """Load every class of the pack through Freqtrade's own resolvers."""

    def work(kind: DoorKind) -> Callable[[], str]:
        def load() -> str:
            wanted = set(class_names(door_dir(kind)))
            config = {"user_data_dir": Path("user_data"), "internals": {}}
            # Freqtrade warns of each of its own plug-ins whose extra is not installed.
            before = logging.root.manager.disable
            logging.disable(logging.WARNING)
            try:
                found = {item["name"] for item in resolver(kind).search_all_objects(config, True)}
            finally:
                logging.disable(before)
            if missing := wanted - found:
                raise FreqpilotError(
                    f"{', '.join(sorted(missing))} cannot be loaded; reinstall freqpilot"
                )
            return f"{', '.join(sorted(wanted))} loaded"

        return load

    return [_run(f"door {kind}", work(kind)) for kind in KINDS]


def _activation(config: dict[str, Any]) -> str:
    handlers = config.get("log_config", {}).get("handlers", {})
    if not any(str(h.get("class", "")).startswith("freqpilot.") for h in handlers.values()):
        raise FreqpilotError(
            "the config does not load Freqpilot: add -c freqpilot.json after your other files"
        )
    return "log_config loads Freqpilot"


def _protections(config: dict[str, Any]) -> str:
    if not config.get("enable_protections"):
        raise FreqpilotError(
            'protections are off in backtests: set "enable_protections": true in the config'
        )
    return "on in backtests too"


def _exchange(config: dict[str, Any]) -> str:
    name, mode = config["exchange"]["name"], str(config.get("trading_mode") or "spot")
    if is_proven(name, mode):
        return f"{name} ({mode}) is proven"
    line = '"risk": {"unproven_exchange": true} in the freqpilot section'
    if unproven_in(config) is None:
        return f"unproven exchange: {name} ({mode}); live it needs {line}"
    if not Settings.from_config(config).risk.unproven_exchange:
        raise FreqpilotError(
            f"unproven exchange: {name} ({mode}); proven are {proven()}. To trade there live all "
            f"the same, write {line}"
        )
    return f"unproven exchange: {name} ({mode}), which you have allowed"


def _data(config: dict[str, Any]) -> str:
    folder = Path(config["datadir"])
    files = list(folder.glob("*.feather")) if folder.is_dir() else []
    if not files:
        raise FreqpilotError(
            f"no candles in {folder}: run freqtrade download-data with the same config"
        )
    if mixed := candlefiles.describe(folder):
        shown = "; ".join(mixed[: candlefiles.MOST_NAMED])
        more = len(mixed) - candlefiles.MOST_NAMED
        raise FreqpilotError(
            f"{len(mixed)} file(s) in {folder} hold two markets: {shown}"
            f"{f' and {more} more files' if more > 0 else ''}. Delete them and run freqtrade "
            "download-data with the same config"
        )
    mark = "SYNTHETIC: " if is_synthetic(folder) else ""
    return f"{mark}{len(files)} candle file(s) in {folder}"


def _port(config: dict[str, Any]) -> str:
    api = config.get("api_server", {})
    if not api.get("enabled"):
        return "the API server is off"
    address = (api.get("listen_ip_address", "127.0.0.1"), int(api.get("listen_port", 8080)))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise FreqpilotError(
                f"{address[0]}:{address[1]} cannot be used ({error.strerror}); Freqtrade would "
                "hang at its start: stop what listens there or change api_server.listen_port"
            ) from None
    return f"{address[0]}:{address[1]} is free"


def _database(config: dict[str, Any]) -> str:
    from freqpilot.store import check_store
    from freqpilot.store.urls import store_url

    url = store_url(Settings.from_config(config), Path(config["user_data_dir"]))
    return check_store(url)


def _gated(config: dict[str, Any]) -> str:
    from freqpilot.host.commands.ungated import books_of, fault

    if text := fault(books_of(config), datetime.now(UTC) - timedelta(days=1)):
        raise FreqpilotError(text)
    return "no order of the last day was sent without the order gate"


def _loop(config: dict[str, Any]) -> str:
    from freqpilot.host.account.looptime import describe

    return describe(config)


def _stake_rate(config: dict[str, Any]) -> str:
    from freqpilot.host.account.stakerate import describe

    return describe(config)


def _limits(config: dict[str, Any], strategy: str) -> list[Finding]:
    """Tell where configuration and strategy ask for more than the limits allow, a line each."""
    from freqpilot.host.commands.contradictions import contradictions

    found: list[str] = []

    def work() -> str:
        found.extend(contradictions(config, _strategy(config, strategy)))
        return "the limits leave stake, open trades and leverage as they are"

    finding = _run("limits", work)
    if not finding.ok or not found:
        return [finding]
    return [Finding("limits", True, text, warns=True) for text in found]


def _strategy(config: dict[str, Any], name: str) -> Any:
    """Load a strategy as a bot would; None where none is named."""
    from copy import deepcopy

    from freqtrade.resolvers import StrategyResolver

    named = name or config.get("strategy")
    if not named:
        return None
    return StrategyResolver.load_strategy({**deepcopy(config), "strategy": named})


def _orders(config: dict[str, Any]) -> str:
    from freqpilot.host.commands.orders import check
    from freqpilot.store.urls import store_url

    url = store_url(Settings.from_config(config), Path(config["user_data_dir"]))
    return check(url, datetime.now(UTC))


def _alerts(config: dict[str, Any]) -> str:
    from freqpilot.host.alerts.channels import describe

    leave, words = describe(config)
    if not leave:
        raise FreqpilotError(words)
    return words


def _facts(config: dict[str, Any]) -> str:
    from freqpilot.facts.store import FactStore, NoFacts
    from freqpilot.store.urls import facts_url, sqlite_file

    url = facts_url(Settings.from_config(config), Path(config["user_data_dir"]))
    file = sqlite_file(url)
    none = "no facts yet; freqpilot facts import brings some"
    if file and not file.is_file():
        return none
    try:
        store = FactStore.open(url, writes=False)
    except NoFacts:
        return none
    try:
        return f"{len(store.catalogue())} metrics can be read"
    finally:
        store.close()


def _regimes(config: dict[str, Any]) -> str:
    from freqpilot.host.frames.regimes import describe

    return describe(config)


def _edge(config: dict[str, Any]) -> str:
    from freqpilot.host.frames.edge.monitor import describe

    return describe(config)


def _models(config: dict[str, Any]) -> str:
    from freqpilot.host.commands.models import describe

    return describe(config, time.time())


def _networks(config: dict[str, Any]) -> str:
    from freqpilot.host.commands.networks import describe

    return describe(config)


def _collector(config: dict[str, Any]) -> str:
    from freqpilot.facts.collecting import examine as examine_collector

    return examine_collector(Settings.from_config(config), Path(config["user_data_dir"]))


def _texts(config: dict[str, Any]) -> str:
    from freqpilot.facts.text.scorers import examine as examine_scorer

    return examine_scorer(Settings.from_config(config).facts.text, Path(config["user_data_dir"]))
