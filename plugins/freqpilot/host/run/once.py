"""A line of the log that is worth reading once: what is said again on each candle is not read."""

import logging

_logged: set[tuple[str, str]] = set()


def warn_once(logger: logging.Logger, text: str, *, about: str = "") -> None:
    """Log a warning, unless this process has logged the same text by the same logger.

    :param about: log no other text about this either.
    """
    key = (logger.name, about or text)
    if key not in _logged:
        _logged.add(key)
        logger.warning("%s", text)


def forget() -> None:
    """Log everything anew, as in a new process."""
    _logged.clear()
