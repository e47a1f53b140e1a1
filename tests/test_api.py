"""The public face: what the documents tell people to import is there, light, typed and no more."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from freqpilot import api
from freqpilot.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"
GUIDES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.M | re.S)
PATHS_IN_CONFIGS = ("freqpilot.host.log.DecisionLogHandler",)


def blocks(file: Path) -> list[str]:
    return BLOCK.findall(file.read_text(encoding="utf-8"))


def imports(code: str) -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that is imported."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def ours(name: str) -> bool:
    return name.partition(".")[0] == "freqpilot"


def test_the_exports_are_those_of_the_page_and_each_is_there() -> None:
    named = re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8").partition("```\n")[2])
    described = {name for name in named if not name.startswith(("populate_", "refresh_", "log_"))}
    assert described == set(api.__all__)
    assert sorted(api.__all__) == sorted(set(api.__all__)) == dir(api)
    for name in api.__all__:
        assert getattr(api, name) is not None


def test_a_name_is_that_of_its_room() -> None:
    """For a type checker the names come from imports that never run: they have to be the same."""
    tree = ast.parse(Path(api.__file__).read_text(encoding="utf-8"))
    (unread,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {
        each.asname or each.name: (node.module or "", each.name)
        for node in ast.walk(unread)
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    assert set(typed) == set(api.__all__)
    for name, (module, inner) in typed.items():
        room = import_module(module)
        meant = getattr(room, inner, None) or import_module(f"{module}.{inner}")
        assert getattr(api, name) is meant, f"{name} of {module}"


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'add_fact'"):
        _ = api.add_fact
    with pytest.raises(ImportError, match="add_fact"):
        exec("from freqpilot.api import add_fact")


def test_importing_it_is_light_and_a_name_brings_its_room_alone() -> None:
    script = (
        "import sys; import freqpilot.api as api; dir(api); "
        "heavy = {'numpy', 'pandas', 'numba', 'sqlalchemy', 'torch', 'pydantic', 'freqtrade'}; "
        "print(sorted(heavy & sys.modules.keys()), "
        "sorted(name for name in sys.modules if name.startswith('freqpilot'))); "
        "from freqpilot.api import IndicatorBank; "
        "print(sorted({'sqlalchemy', 'torch', 'freqtrade'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[] ['freqpilot', 'freqpilot.api']", "[]"]


@pytest.mark.parametrize("file", GUIDES, ids=lambda file: file.name)
def test_guides_import_nothing_else_of_the_library(file: Path) -> None:
    found = [each for code in blocks(file) for each in imports(code) if ours(each[0])]
    assert {module for module, _ in found} <= {"freqpilot.api"}
    assert {name for _, name in found} <= set(api.__all__)


def settings_keys(model: type[BaseModel]) -> Iterator[tuple[str, bool]]:
    """Yield each key of a section, and whether names of a user's own may follow it."""
    for field, info in model.model_fields.items():
        name = info.alias or field
        yield name, "dict[" in str(info.annotation)
        for section in sections(info.annotation):
            yield from ((f"{name}.{key}", free) for key, free in settings_keys(section))


def sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, UnionType):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from sections(part)


@pytest.mark.parametrize("file", GUIDES, ids=lambda file: file.name)
def test_guides_name_settings_and_the_public_face_alone(file: Path) -> None:
    """``freqpilot.a.b`` in a guide is a key of the config or a public name, never a module."""
    text = re.sub(r"\]\([^)]*\)", "", file.read_text(encoding="utf-8"))
    keys = dict(settings_keys(Settings))
    for name in re.findall(r"\bfreqpilot\.[a-z]\w*(?:\.\w+)+", text):
        whole = name.removeprefix("freqpilot.")
        if name in PATHS_IN_CONFIGS or whole in keys:
            continue
        if whole.startswith("api."):
            assert whole.removeprefix("api.") in api.__all__, name
            continue
        parts = whole.split(".")
        above = [".".join(parts[:end]) for end in range(1, len(parts))]
        assert any(keys.get(key, False) for key in above), f"{file.name} names {name}"


def candles(count: int = 400) -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, count)))
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=count, freq="h", tz="UTC").as_unit("ms"),
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": 1_000.0,
        }
    )


def run(code: str) -> dict[str, Any]:
    """Return the names that an example defines, given what it takes for granted."""
    frame = candles()
    names: dict[str, Any] = {"__name__": "example", "IStrategy": object}
    names |= {name: frame[name].to_numpy() for name in ("close", "volume")}
    exec(code, names)
    return names


@pytest.mark.parametrize(
    ("page", "place"),
    [
        (file.name, place)
        for file in GUIDES
        for place, code in enumerate(blocks(file))
        if any(ours(module) for module, _ in imports(code))
    ],
)
def test_the_examples_of_the_guides_run(page: str, place: int) -> None:
    code = blocks(ROOT / "docs" / page)[place]
    names = run(code)
    assert {name for _, name in imports(code)} <= set(names)


def example(page: str, of: str) -> dict[str, Any]:
    (code,) = (code for code in blocks(ROOT / "docs" / page) if of in code)
    return run(code)


def test_the_indicators_of_the_example_are_in_the_frame() -> None:
    mine = example("indicators.md", "add_indicators")["Mine"]
    frame = mine().populate_indicators(candles(), {"pair": "BTC/USDT"})
    assert frame["rsi_14"].iloc[mine.startup_candle_count :].between(0, 100).all()


def test_the_order_flow_of_the_example_is_a_share() -> None:
    toxic = example("indicators.md", "orderflow")["toxic"]
    assert ((toxic[200:] >= 0) & (toxic[200:] <= 1)).all()


def test_the_protection_of_the_example_locks_until_morning() -> None:
    late = example("plugins.md", "CheckedProtection")["LateNight"]
    config = {"runmode": "backtest", "timeframe": "1h", "stake_currency": "USDT"}
    made = late(config, {"method": "LateNight", "until_hour": 5})
    night, morning = (datetime(2024, 3, 6, hour, 30, tzinfo=UTC) for hour in (4, 5))
    lock = made.global_stop(night, "*", 1_000.0)
    assert (lock.lock, lock.until) == (True, datetime(2024, 3, 6, 5, 0, tzinfo=UTC))
    assert made.global_stop(morning, "*", 1_000.0) is None
    assert "5:00 UTC" in made.short_desc()


def test_the_path_of_the_configs_is_there() -> None:
    config = (ROOT / "config" / "freqpilot.json").read_text(encoding="utf-8")
    for path in PATHS_IN_CONFIGS:
        assert f'"{path}"' in config
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)


def test_modules_of_functions_are_modules() -> None:
    found = {name for name in api.__all__ if isinstance(getattr(api, name), ModuleType)}
    assert found == {"basket", "cointegration", "labels", "orderflow", "sampling"}
