"""FreqAI's logger of training steps does not import torch where nobody asked for it."""

from pathlib import Path

import pytest
from freqtrade.freqai import freqai_interface

from freqpilot.host.freqai import fixes


@pytest.mark.parametrize("kind", ["joblib", "pytorch", "stable_baselines3"])
def test_only_tensorboard_for_torch_is_freqais_own(kind: str) -> None:
    asked: list[tuple[str, bool]] = []
    made = fixes._make_logger(lambda kind, path, activate: asked.append((kind, activate)))
    for activate in (True, False):
        made(kind, Path(), activate)
    assert asked == ([(kind, True)] if kind == "pytorch" else [])
    silent = made(kind, Path(), False)
    silent.log_scalar("loss", 1.0, 1)
    silent.close()


def test_freqais_own_takes_what_ours_takes() -> None:
    for seam in fixes.SEAMS:
        seam.check()
    given = getattr(freqai_interface.get_tb_logger, "__wrapped__", freqai_interface.get_tb_logger)
    stock = given("joblib", Path(), False)
    public = {name for name in dir(stock) if not name.startswith("_")}
    assert public == {name for name in dir(fixes.Silent) if not name.startswith("_")}
