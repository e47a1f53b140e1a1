"""Lets Freqtrade's five resolvers find plug-ins outside its source: the pack's own, those of other
packs (entry-point group ``freqtrade.plugins``) and the user's folders."""

import ast
import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.boot.doors import KINDS, DoorKind, door_dir
from freqpilot.host.run import exitsonly
from freqpilot.host.seams import activation
from freqpilot.host.seams.seam import Place, Seam, SeamError

logger = logging.getLogger(__name__)

GROUP = "freqtrade.plugins"
CLASSES: dict[DoorKind, str] = {
    "strategies": "freqtrade.resolvers.strategy_resolver:StrategyResolver",
    "freqaimodels": "freqtrade.resolvers.freqaimodel_resolver:FreqaiModelResolver",
    "hyperopts": "freqtrade.resolvers.hyperopt_resolver:HyperOptLossResolver",
    "protections": "freqtrade.resolvers.protection_resolver:ProtectionResolver",
    "pairlists": "freqtrade.resolvers.pairlist_resolver:PairListResolver",
}
"""Where Freqtrade's resolver of each kind is."""
USER_FOLDERS: tuple[DoorKind, ...] = ("pairlists", "protections")
"""Kinds for which Freqtrade itself has no folder in user_data."""


def resolver(kind: DoorKind) -> Any:
    """Return Freqtrade's resolver class of one kind."""
    module, _, name = CLASSES[kind].partition(":")
    return getattr(import_module(module), name)


@cache
def foreign_dirs(kind: DoorKind) -> tuple[Path, ...]:
    """Return the folders that other installed packs offer for one kind.

    An entry point is named after the kind and its value is the package that holds the plug-in
    files; the package is not imported.

    :raises RefuseToStart: when an entry point names an unknown kind or a missing package.
    """
    found: list[Path] = []
    for point in entry_points(group=GROUP):
        if point.name not in KINDS:
            raise RefuseToStart(
                f"the entry point {point.name!r} of {_owner(point)} in group {GROUP} is not one of "
                f"{', '.join(KINDS)}; uninstall that pack or ask its author to rename it"
            )
        if point.name != kind:
            continue
        try:
            spec = find_spec(point.value)
        except ImportError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise RefuseToStart(
                f"the entry point {point.name} = {point.value!r} of {_owner(point)} is not an "
                "installed package; reinstall that pack"
            )
        found += [Path(location) for location in spec.submodule_search_locations]
    return tuple(found)


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an installed package"


def plugin_dirs(kind: DoorKind, config: dict[str, Any]) -> list[Path]:
    """Return the existing extra folders for one kind, the user's own first."""
    dirs: list[Path] = []
    if kind in USER_FOLDERS and "user_data_dir" in config:
        dirs.append(Path(config["user_data_dir"]) / kind)
    try:
        dirs += foreign_dirs(kind)
    except RefuseToStart:
        if exitsonly.reason() is None:
            raise
    dirs.append(door_dir(kind))
    return [folder for folder in dirs if folder.is_dir()]


def class_names(folder: Path) -> list[str]:
    """Return the public classes defined in a folder of plug-in files, without importing them.

    :raises RefuseToStart: when a file is not valid Python.
    """
    names: list[str] = []
    for file in sorted(folder.glob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError) as error:
            raise RefuseToStart(
                f"{file} is not valid Python ({error}); mend or remove it"
            ) from None
        names += [
            node.name
            for node in tree.body
            if isinstance(node, ast.ClassDef) and node.bases and not node.name.startswith("_")
        ]
    return names


def announce_pairlists(config: dict[str, Any]) -> None:
    """Add the pack's, other packs' and the user's pairlists to the names that Freqtrade's
    config schema accepts."""
    from freqtrade import constants

    for folder in plugin_dirs("pairlists", config):
        try:
            names = class_names(folder)
        except RefuseToStart:
            if exitsonly.reason() is None:
                raise
            continue
        for name in names:
            if name not in constants.AVAILABLE_PAIRLISTS:
                constants.AVAILABLE_PAIRLISTS.append(name)


def _check_folder(kind: DoorKind) -> Callable[[], None]:
    def check() -> None:
        if not door_dir(kind).is_dir():
            raise SeamError(f"the pack's folder {door_dir(kind)} is missing")
        if kind == "pairlists":
            from freqtrade import constants

            if not isinstance(constants.AVAILABLE_PAIRLISTS, list):
                raise SeamError("freqtrade.constants.AVAILABLE_PAIRLISTS is not a list any more")

    return check


def _make_search(kind: DoorKind) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def build_search_paths(
            cls: type,
            config: dict[str, Any],
            user_subdir: str | None = None,
            extra_dirs: list[str] | None = None,
        ) -> list[Path]:
            paths: list[Path] = original(cls, config, user_subdir, extra_dirs)
            # A config that never passed the seam of the configuration (the REST API builds its
            # own) still has to carry the pack into workers.
            if isinstance(config.get("internals"), dict):
                config["internals"].setdefault("freqpilot", activation.carrier())
            return paths + [p for p in plugin_dirs(kind, config) if p not in paths]

        if kind == "pairlists":
            announce_pairlists({})
        return build_search_paths

    return make


def seams(kind: DoorKind) -> tuple[Seam, ...]:
    """Return the seam that finds plug-ins of one kind."""
    return (
        Seam(
            f"plugins.{kind}",
            f"find {kind} outside Freqtrade's source",
            until=f"Freqtrade finds {kind} of installed packages",
            places=(
                Place(
                    f"{CLASSES[kind]}.build_search_paths",
                    ["config", "user_subdir", "extra_dirs"],
                    _make_search(kind),
                ),
            ),
            also=_check_folder(kind),
        ),
    )
