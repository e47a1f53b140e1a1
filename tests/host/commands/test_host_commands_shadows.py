"""Where the candles of a bot are looked for."""

from pathlib import Path
from typing import Any

import pytest

from freqpilot.host.commands.shadows import folder_of, outcomes

HOME = Path("/home/bot/user_data")


@pytest.mark.parametrize(
    ("config", "datadir", "folder"),
    [
        ({"datadir": "/config"}, Path("/named"), "/named"),
        ({"datadir": "/config"}, None, "/config"),
        ({"exchange": {"name": "kraken"}}, None, "/home/bot/user_data/data/kraken"),
        ({}, None, "/home/bot/user_data/data"),
    ],
)
def test_the_folder_is_that_of_the_bot(
    config: dict[str, Any], datadir: Path | None, folder: str
) -> None:
    assert folder_of({"user_data_dir": HOME, **config}, datadir) == Path(folder)


def test_without_orders_no_file_is_read(tmp_path: Path) -> None:
    assert outcomes([], tmp_path / "none", "1h", 24) == []
