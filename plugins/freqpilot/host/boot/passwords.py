"""Freqtrade hides its own secrets in a configuration that it shows, or exports beside a backtest;
those of the ``freqpilot`` section are added to its list."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

SECRETS = "freqtrade.configuration.config_secrets:_SENSITIVE_KEYS"
_NAME = re.compile(r"key|secret|token|password", re.IGNORECASE)
_USER = re.compile(r"://[^/?#@\s:]*:[^/?#\s]+@")
_QUERY = re.compile(r"[?&][^=&#\s]*(?:key|secret|token|password)[^=&#\s]*=[^&#\s]", re.IGNORECASE)


def secrets_in(value: Any, path: str) -> Iterator[str]:
    """Yield the dotted paths of what nobody else should read: URLs with a password in them, and
    what is named as a key, secret, token or password. Of a list the whole list.

    :param path: that of ``value``, the name of its key last.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from secrets_in(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        if any(True for each in value for _ in secrets_in(each, path)):
            yield path
    elif isinstance(value, str) and _is_secret(path.rpartition(".")[2], value):
        yield path


def _is_secret(name: str, value: str) -> bool:
    named = bool(value) and _NAME.search(name)
    return bool(named or _USER.search(value) or _QUERY.search(value))


def hide(config: Mapping[str, Any]) -> None:
    """Let Freqtrade hide what is secret in the ``freqpilot`` section of a configuration."""
    from freqtrade.configuration import config_secrets

    known = config_secrets._SENSITIVE_KEYS
    known += [
        path for path in secrets_in(config.get("freqpilot"), "freqpilot") if path not in known
    ]
