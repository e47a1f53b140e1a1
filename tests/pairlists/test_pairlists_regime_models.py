"""RegimeFilter sees the regime that Autopilot sees, by models as well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import time_machine
from pairlist_stage import StubExchange, kept, manager

import regime_source
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import regimes
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings
from freqpilot.signals.hmm import startup
from freqpilot.signals.regimes import NAMES

NOW = datetime(2024, 3, 6, 12, 30, tzinfo=UTC)
LAST = NOW.replace(minute=0)
WANTED = ["range_bound", "trending_bullish"]
HMM = {"signals": {"regimes": {"method": "hmm"}}}


def frame(seed: int, length: int = 900) -> pd.DataFrame:
    source = regime_source.market(seed, length)
    columns = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    dates = pd.date_range(end=LAST - timedelta(hours=1), periods=length, freq="h")
    return pd.DataFrame({"date": dates.as_unit("ms"), **columns})


def passing(
    found: dict[str, pd.DataFrame], settings: Settings, models: tuple[RegimeModel, ...]
) -> set[str]:
    """Return the pairs that Autopilot sees in a wanted regime, or in none for sure."""
    out: set[str] = set()
    for pair, each in found.items():
        decided = frames.add_decisions(each, settings, pair, None, models)
        regime, sure = decided["regime"].iloc[-1], decided["regime_probability"].iloc[-1]
        if sure < 0.7 or regime in WANTED:
            out.add(pair)
    return out


def test_the_filter_asks_the_models_of_the_bot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    until = int(pd.Timestamp(NOW.date(), tz="UTC").value) - 20 * 24 * regime_source.HOUR
    model = replace(regime_source.model(), fitted_until=until)
    assert set(model.names) == set(NAMES)
    model.save(regimes.folder_of(tmp_path) / "60m.json")
    pairs = [f"X{seed}/USDT" for seed in range(20, 50)]
    stub = StubExchange(pairs)
    stub.frames = {pair: frame(seed) for pair, seed in zip(pairs, range(20, 50), strict=True)}
    settings = Settings.from_config({"freqpilot": HMM})
    assert startup(settings.signals.regimes) > startup(Settings().signals.regimes)
    chain = [{"method": "RegimeFilter", "regimes": WANTED}]
    config = {"freqpilot": HMM, "user_data_dir": tmp_path}
    with time_machine.travel(NOW, tick=False):
        left = kept(manager(monkeypatch, stub, chain, config))
    assert set(left) == passing(stub.frames, settings, (model,))
    assert set(left) != passing(stub.frames, Settings(), ())
