"""Whose a kept model or prediction is: FreqAI knows both by name only.

It names them by the base coin, so two stakes of one coin share a folder and a cache; and it serves
what lies under a name whatever strategy and model made it. Here the name holds the whole pair, and
the folder of all of them a digest of the strategy's and the model's source.
"""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqpilot.host.seams.freqtrade import Kitchen, Strategy
from freqpilot.host.seams.seam import Place, Seam

DIGITS = 8
MARK = "/by-"


def pair_name(pair: str) -> str:
    """Return a pair as part of a file's name: ``BTC_USDT_USDT`` for ``BTC/USDT:USDT``."""
    from freqtrade.misc import pair_to_filename

    return str(pair_to_filename(pair))


def source_digest(kind: type[Any]) -> str:
    """Return a digest of a class's name and of the files that it and its bases were written in,
    Freqtrade's own left out. What those files import is not seen, except the pack itself, which
    :func:`freqpilot.host.boot.digests.stamp_identifier` counts."""
    import freqtrade

    stock = Path(freqtrade.__file__).resolve().parent
    files = {file for base in kind.__mro__ for file in _files(base)}
    digest = hashlib.sha256(kind.__name__.encode())
    for file in sorted(files):
        if file.is_file() and stock not in file.resolve().parents:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:DIGITS]


def stamp(config: dict[str, Any], strategy: str | None = None, model: str | None = None) -> None:
    """Put the digest of a strategy, and behind it that of its model, into FreqAI's identifier: a
    folder within the one that was asked for, which goes with it when Freqtrade clears that."""
    freqai = config["freqai"]
    asked, _, known = str(freqai.get("identifier", "freqpilot")).partition(MARK)
    first = strategy or known.partition("-")[0]
    freqai["identifier"] = f"{asked}{MARK}{first}" + (f"-{model}" if model else "")


def _files(kind: type[Any]) -> set[Path]:
    """Return where a class's functions were written: a class that Freqtrade has loaded from a file
    is in no module that could tell."""
    found = (inspect.unwrap(getattr(value, "__func__", value)) for value in vars(kind).values())
    return {Path(each.__code__.co_filename) for each in found if inspect.isfunction(each)}


def _kept_apart(config: dict[str, Any]) -> bool:
    """Tell whether names are stamped: not where live predictions are played back by their name."""
    return not config.get("freqai_backtest_live_models", False)


def _make_paths(original: Callable[..., Any]) -> Callable[..., Any]:
    def set_paths(self: Kitchen, pair: str, trained_timestamp: int | None = None) -> None:
        original(self, pair, trained_timestamp)
        self.data_path = self.full_path / f"sub-train-{pair_name(pair)}_{trained_timestamp}"

    return set_paths


def _make_names(original: Callable[..., Any]) -> Callable[..., Any]:
    def set_new_model_names(self: Kitchen, pair: str, timestamp_id: int) -> None:
        original(self, pair, timestamp_id)
        name = pair_name(pair)
        self.data_path = self.full_path / f"sub-train-{name}_{timestamp_id}"
        self.model_filename = f"cb_{name.lower()}_{timestamp_id}"

    return set_new_model_names


def _make_load(original: Callable[..., Any]) -> Callable[..., Any]:
    def load_freqai_model(self: Strategy) -> Any:
        # Here and not at the start of the command: of several strategies each has its own.
        if self.config.get("freqai", {}).get("enabled", False) and _kept_apart(self.config):
            stamp(self.config, strategy=source_digest(type(self)))
        return original(self)

    return load_freqai_model


def _make_init(original: Callable[..., Any]) -> Callable[..., Any]:
    def init(self: object, config: dict[str, Any]) -> None:
        if config.get("freqai") and _kept_apart(config):
            stamp(config, model=source_digest(type(self)))
        original(self, config)

    return init


KITCHEN = "freqtrade.freqai.data_kitchen:FreqaiDataKitchen"
SEAMS = (
    Seam(
        "freqai.identity",
        "keep models and forecasts apart by pair, strategy and model",
        until="FreqAI names its files by the whole pair, and by what made them",
        places=(
            Place(f"{KITCHEN}.set_paths", ["pair", "trained_timestamp"], _make_paths),
            Place(f"{KITCHEN}.set_new_model_names", ["pair", "timestamp_id"], _make_names),
            Place("freqtrade.strategy.interface:IStrategy.load_freqAI_model", make=_make_load),
            Place(
                "freqtrade.freqai.freqai_interface:IFreqaiModel.__init__", ["config"], _make_init
            ),
            Place("freqtrade.misc:pair_to_filename", ["pair"]),
        ),
    ),
)
