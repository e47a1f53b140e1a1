"""The store of a bot, as a command beside it finds it: by what the bot itself reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.settings import Settings

CONFIG = "config.json"
LAYER = "freqpilot/freqpilot.json"
"""The pack's layer in user_data, which a bot is given last."""


@dataclass(frozen=True)
class BotStore:
    """A store that a bot has written: its URL, how a message shows it (without a password), and the
    settings that the bot has."""

    settings: Settings
    url: str
    shown: str


def find(files: Sequence[str] | None, userdir: Path | None) -> BotStore:
    """Return the store of the bot that is started with these config files and this user_data.

    Nothing is created or changed.

    :raises RefuseToStart: when a config cannot be read, or no bot has written the store.
    """
    from freqpilot.store import require_written
    from freqpilot.store.urls import store_url

    config = read_config(files, userdir)
    settings = Settings.from_config(config)
    url = store_url(settings, config["user_data_dir"])
    return BotStore(settings, url, require_written(url))


def read_config(files: Sequence[str] | None, userdir: Path | None) -> dict[str, Any]:
    """Return the config files, merged as Freqtrade merges them, under the environment's FREQTRADE__
    variables, with ``user_data_dir`` absolute. No folder is made and no exchange is looked at.

    :param files: None reads those that a bot is started with when no other is named: config.json in
        user_data or here, and the pack's layer in user_data.
    :param userdir: None takes the config's, the environment's, or user_data here.
    :raises RefuseToStart: when a file cannot be read.
    """
    from freqtrade.configuration.environment_vars import environment_vars_to_dict
    from freqtrade.configuration.load_config import load_from_files
    from freqtrade.exceptions import FreqtradeException
    from freqtrade.misc import deep_merge_dicts

    from freqpilot.host.boot import standin

    environment = environment_vars_to_dict()
    folder = userdir or Path(str(environment.get("user_data_dir") or "user_data"))
    chosen = list(files) if files else _usual(folder)
    try:
        read = load_from_files(chosen)
    except FreqtradeException as error:
        raise RefuseToStart(
            f"the config cannot be read ({error}); nothing was changed and open trades are "
            "untouched. Name the bot's own config files with -c"
        ) from None
    config: dict[str, Any] = deep_merge_dicts(environment, read)
    folder = userdir or Path(str(config.get("user_data_dir") or "user_data"))
    config |= {"user_data_dir": folder.absolute(), "runmode": "util_no_exchange"}
    standin.keep_apart(config)
    return config


def _usual(folder: Path) -> list[str]:
    named = next((file for file in (folder / CONFIG, Path(CONFIG)) if file.is_file()), None)
    layer = folder / LAYER
    return [str(file) for file in (named, layer) if file is not None and file.is_file()]
