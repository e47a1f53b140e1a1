"""Keeps hyperopt's parameter files out of the pack's own folder.

Freqtrade writes ``<Strategy>.json`` beside the strategy file and loads it silently. For a door
that is site-packages or the checkout, shared by all bots; so a door's file lives in the user's
``user_data/strategies`` instead.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from freqpilot.host.boot.doors import door_dir
from freqpilot.host.seams.seam import Place, Seam


def parameter_file(strategy_file: Path, config: dict[str, Any]) -> Path:
    """Return the file beside which Freqtrade keeps the parameters of a strategy: the strategy's
    own, or for a door of the pack its namesake in user_data."""
    if strategy_file.resolve().parent != door_dir("strategies").resolve():
        return strategy_file
    folder = Path(config["user_data_dir"]) / "strategies"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / strategy_file.name


def _make_filename(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_strategy_filename(config: dict[str, Any], strategy_name: str) -> Path | None:
        found = original(config, strategy_name)
        return parameter_file(found, config) if found else None

    return get_strategy_filename


def _make_load(original: Callable[..., Any]) -> Callable[..., Any]:
    def load_params_from_file(self: Any) -> Any:
        own = getattr(self, "__file__", "")
        if not own:
            return original(self)
        self.__file__ = str(parameter_file(Path(own), self.config))
        try:
            return original(self)
        finally:
            self.__file__ = own

    return load_params_from_file


TOOLS = "freqtrade.optimize.hyperopt_tools:HyperoptTools"
SEAMS = (
    Seam(
        "hyperopt.parameters",
        "keep hyperopt's parameter files of the pack's strategies in user_data",
        until="Freqtrade keeps parameter files in user_data",
        places=(
            Place(f"{TOOLS}.get_strategy_filename", ["config", "strategy_name"], _make_filename),
            Place(f"{TOOLS}.try_export_params"),
            Place(
                "freqtrade.strategy.hyper:HyperStrategyMixin.load_params_from_file",
                make=_make_load,
            ),
        ),
    ),
)
