"""The stand-in exchange of a rehearsal and the user's own exchange never write into one place.

A bot whose orders go to this machine is one of the stand-in. Its candles, trades, figures, models
and decisions are kept in ``user_data/standin``, or in a folder that carries the marker of the
stand-in; a bot of a real exchange refuses such a folder. A backtest may read any.
"""

import ipaddress
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from freqpilot.errors import RefuseToStart
from freqpilot.journal.candles import SYNTHETIC_MARKER, is_synthetic
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

FOLDER = "standin"
TRADING = ("live", "dry_run")
WRITING = (*TRADING, "util_exchange")
"""Modes that write candles: a bot, and ``download-data``."""
READING = ("backtest", "hyperopt")
SQLITE = "sqlite:///"
"""What a URL of a database in a file begins with, where one is made."""
CANDLES = re.compile(r"-(\d+[a-zA-Z]{1,2}|trades)(-[a-zA-Z_]+)?\.(feather|parquet|json|json\.gz)$")
TEXT = (
    "# SYNTHETIC\n\nA stand-in exchange on this machine wrote into this folder. Its prices are "
    "invented, or a recording that is played again; no result on them says anything about profit. "
    "Bots of a real exchange refuse this folder.\n"
)


def keep_apart(config: dict[str, Any]) -> None:
    """Give a bot of the stand-in folders of its own in ``config``, and keep every other bot out of
    them. It may be called again: it changes nothing then.

    :raises RefuseToStart: when a bot would write into a folder that holds the other's.
    """
    mode, user_data = str(config.get("runmode")), _user_data(config)
    if is_standin(config):
        _keep_own(config, user_data, mode)
    elif mode in WRITING:
        _refuse_marked(config, user_data, mode)
    folder = config.get("datadir")
    if mode in READING and folder and is_synthetic(Path(folder)):
        section = config.get("freqpilot")
        if isinstance(section, dict):
            section["synthetic"] = True
        logger.warning(
            "SYNTHETIC: the candles in %s come from a stand-in exchange; the result says nothing "
            "about profit",
            folder,
        )


def is_standin(config: Mapping[str, Any]) -> bool:
    """Tell whether the bot's orders go to this machine. One that only has public prices read
    through a proxy on this machine trades on its real exchange."""
    return any("public" not in name.lower() for name, _ in _loopback(config))


def mark(folder: Path) -> None:
    """Make ``folder`` one of the stand-in; what its marker says already stays.

    :raises RefuseToStart: when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / SYNTHETIC_MARKER).exists():
            (folder / SYNTHETIC_MARKER).write_text(TEXT, encoding="utf-8")
    except OSError as error:
        raise RefuseToStart(
            f"the stand-in's folder {folder} cannot be written ({error}); nothing was started and "
            "open trades are untouched. Mend its permissions"
        ) from None


def is_marked(place: Path) -> bool:
    """Tell whether a folder, or one that it lies in, is the stand-in's."""
    place = place.resolve()
    return any(is_synthetic(folder) for folder in (place, *place.parents))


def _loopback(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield names and addresses of the exchange's routes that lead to this machine."""
    exchange = config.get("exchange")
    for key in ("ccxt_config", "ccxt_sync_config", "ccxt_async_config"):
        found: Any = exchange
        for part in (key, "urls", "api"):
            found = found.get(part) if isinstance(found, Mapping) else None
        for name, address in _addresses("api", found):
            if _is_here(address):
                yield name, address


def _addresses(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _addresses(str(key), each)


def _is_here(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # another machine's name, or no address at all


def _keep_own(config: dict[str, Any], user_data: Path, mode: str) -> None:
    if mode in READING:
        return
    home, writes = user_data / FOLDER, mode in (*WRITING, "webserver")
    moved = _keep_candles(config, user_data, writes=writes)
    if mode in TRADING:
        moved += _keep_trades(config, home)
        _keep_log(home)
    moved += _keep_store(config, user_data, home)
    _keep_models(config)
    if writes and (moved or home.is_dir()):
        mark(home)  # a command that only reads makes no folder
    if moved:
        logger.warning(
            "The exchange is a stand-in on this machine (%s): %s; what you have of a real exchange "
            "is not touched",
            next(_loopback(config))[1],
            ", ".join(moved),
        )


def _keep_candles(config: dict[str, Any], user_data: Path, *, writes: bool) -> list[str]:
    folder = Path(config.get("datadir") or user_data / "data")
    name = str(config.get("exchange", {}).get("name", "")).lower()
    usual = ((user_data / "data" / name).resolve(), (user_data / "data").resolve())
    moved = folder.resolve() in usual and not is_marked(folder)
    if moved:
        config["datadir"] = folder = user_data / FOLDER / "data" / name
    elif writes and _holds_candles(folder) and not is_marked(folder):
        raise RefuseToStart(
            f"the exchange is a stand-in on this machine, and {folder} holds candles that are not "
            "its own: they would be mixed with invented ones. Nothing was written and open trades "
            "are untouched. Leave --datadir out, or name a new folder; recorded candles are played "
            f"by `freqpilot serve --datadir {folder}`"
        )
    if writes:
        mark(folder)
    return [f"its candles are in {folder}"] if moved else []


def _holds_candles(folder: Path) -> bool:
    files = [*folder.glob("*"), *folder.glob("futures/*")]
    return any(CANDLES.search(file.name) for file in files)


def _keep_trades(config: dict[str, Any], home: Path) -> list[str]:
    name = "tradesv3.dryrun.sqlite" if config.get("dry_run", True) else "tradesv3.sqlite"
    url = str(config.get("db_url") or f"{SQLITE}{name}")
    own = _own_database(url, Path.cwd(), home, name)
    if own == url:
        return []
    config["db_url"] = own
    return [f"its trades are in {own}"]


def _keep_store(config: dict[str, Any], user_data: Path, home: Path) -> list[str]:
    """Move the store, and the one that several bots share; facts are of the world outside and only
    read by a bot, so they stay where they are."""
    from freqpilot.store.urls import facts_url, store_url

    settings = Settings.from_config(config)
    url = store_url(settings, user_data)
    own = _own_database(url, user_data, home, "freqpilot.sqlite")
    section = dict(config.get("freqpilot", {}))
    store = dict(section.get("store", {}))
    if own != url:
        store["url"] = own
        section["facts"] = {**section.get("facts", {}), "url": facts_url(settings, user_data)}
    if shared := settings.store.shared:
        store["shared"] = _own_database(shared, user_data, home, "shared.sqlite")
    if store != section.get("store", {}):
        config["freqpilot"] = {**section, "store": store}
    return [f"its store is {own}"] if own != url else []


def _own_database(url: str, base: Path, home: Path, name: str) -> str:
    """Return ``url`` where it names a database of the stand-in, and else one of its name in
    ``home``; a server's is never the stand-in's.

    :param base: where a relative path counts from.
    :param name: the file in place of a server's database.
    """
    from freqpilot.store.urls import in_memory, sqlite_file, with_file

    if in_memory(url):
        return url
    file = sqlite_file(url)
    if file is None:
        return with_file(SQLITE, home / name)
    return url if is_marked((base / file).parent) else with_file(url, home / file.name)


def _keep_models(config: dict[str, Any]) -> None:
    """Give models that learn from the stand-in a name of their own: the bot of a real exchange
    would forecast by them."""
    freqai = config.get("freqai")
    if isinstance(freqai, dict) and freqai.get("enabled"):
        name = str(freqai.get("identifier", "freqpilot"))
        if not name.startswith(f"{FOLDER}-"):
            freqai["identifier"] = f"{FOLDER}-{name}"


def _keep_log(home: Path) -> None:
    """Move the decision log, unless it has a place of its own."""
    from freqpilot.host.run.decisionlog import DecisionLog

    for handler in logging.getLogger().handlers:
        if isinstance(handler, DecisionLog) and not handler.filename.is_absolute():
            handler.filename = home.absolute() / handler.filename


def _refuse_marked(config: Mapping[str, Any], user_data: Path, mode: str) -> None:
    """Refuse to let a bot of a real exchange write where the stand-in has written."""
    from freqpilot.store.urls import sqlite_file, store_url

    places = {"--datadir": Path(config.get("datadir") or user_data / "data")}
    if mode in TRADING:
        settings = Settings.from_config(config)
        urls = {
            "--db-url": (str(config.get("db_url") or ""), Path.cwd()),
            "freqpilot.store.url": (store_url(settings, user_data), user_data),
            "freqpilot.store.shared": (settings.store.shared, user_data),
        }
        for option, (url, base) in urls.items():
            if file := sqlite_file(url):
                places[option] = (base / file).parent
    for option, folder in places.items():
        if is_marked(folder):
            raise RefuseToStart(
                f"{folder} holds what a stand-in exchange has written, and this bot is one of a "
                "real exchange: SYNTHETIC and real figures would be mixed. Nothing was written and "
                f"open trades are untouched. Name another place with {option}, or leave it out"
            )


def _user_data(config: Mapping[str, Any]) -> Path:
    # A relative URL counts from here, and would do so twice if this were relative too.
    return Path(config.get("user_data_dir") or "user_data").absolute()
