"""The edge monitor of groups in Freqtrade: live and a backtest know the same, it is told once."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from candle_source import candles
from freqpilot.features.labels.targets import forward_return
from freqpilot.host.account.begin import begin
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames.edge import groups as edgegroups
from freqpilot.host.frames.edge import state
from freqpilot.host.frames.edge.forecasts import PastForecasts, past_forecasts
from freqpilot.host.frames.edge.verdicts import EdgeMemory, GroupSilence
from freqpilot.host.frames.populate import populate_together
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.settings import LabelSettings, Settings
from freqpilot.shapes import Floats, Ints
from freqpilot.signals.decision import TRUST

ROWS = 2_400
PAIRS = ("BTC/USDT", "ETH/USDT", "DOGE/USDT")


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}
    yield begin(config, live=False)
    end()


def settings(**monitored: Any) -> Settings:
    quick = {"evidence": 10, "min_ic": 0.15, **monitored}
    return Settings.from_config({"freqpilot": {"models": {"edge": quick}}})


def frame(seed: int, sign: float, rows: int = ROWS) -> pd.DataFrame:
    """Return candles with a model that is mostly noise, and a little right (1) or wrong (−1)."""
    source = candles(seed, ROWS)
    outcome = np.nan_to_num(forward_return(source, LabelSettings()))
    noise = np.random.default_rng(seed).standard_normal(ROWS)
    lean = np.tanh(noise + sign * 0.1 * outcome) / 2
    prices = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(
        {"date": pd.to_datetime(source.date, utc=True), **prices}
        | {"up": 0.4 + lean / 2, "down": 0.4 - lean / 2, "flat": 0.2, "do_predict": 1}
    ).head(rows)


def given(sign: float) -> dict[str, pd.DataFrame]:
    return {pair: frame(seed, sign) for seed, pair in enumerate(PAIRS, start=1)}


def backtest(chosen: Settings, sign: float) -> dict[str, pd.DataFrame]:
    each = {pair: frames.add_decisions(data, chosen, pair) for pair, data in given(sign).items()}
    return populate_together(each, chosen)


def kept(data: dict[str, pd.DataFrame]) -> Any:
    """Return FreqAI's drawer as it is when each pair has been analysed up to its last candle."""
    names = {"date": "date_pred", "close": "close_price"}
    return SimpleNamespace(
        historic_predictions={pair: each.rename(columns=names) for pair, each in data.items()}
    )


def live(chosen: Settings, data: dict[str, pd.DataFrame], pair: str, rows: int) -> pd.DataFrame:
    """Return a pair's decisions as a bot makes them when the others are a candle behind."""
    known = {name: each.head(rows if name == pair else rows - 1) for name, each in data.items()}
    freqai = SimpleNamespace(live=True, dd=kept(known), identifier="one")
    window = data[pair].head(rows).tail(800)
    return frames.add_decisions(window, chosen, pair, past=past_forecasts(freqai, pair))


def live_factors(run: Run, past: PastForecasts, pair: str, date: Ints, chosen: Settings) -> Floats:
    """Return the group's factors as a bot has them, which acts on the verdicts."""
    judged = edgegroups.judge_group(past, pair, date, chosen, state.remembered(run))
    state.act_on(run, judged.verdicts)
    return judged.factor


def test_a_group_lowers_what_a_pair_alone_does_not() -> None:
    chosen = settings()
    alone = {pair: frames.add_decisions(each, chosen, pair) for pair, each in given(-1).items()}
    together = populate_together(alone, chosen)
    lowered = 0
    for pair, before in alone.items():
        after = together[pair]
        assert list(after.columns) == list(before.columns)
        assert (after[TRUST] <= before[TRUST]).all()
        moved = after[TRUST] < before[TRUST]
        lowered += int(moved.sum())
        pd.testing.assert_frame_equal(after[~moved], before[~moved])
        silent = after[TRUST] == 0
        assert (after.loc[silent, "contrib_model_forecast"].fillna(0) == 0).all()
    assert lowered > 500
    assert all((frame[TRUST] == 0).any() for frame in together.values())


def test_live_has_the_factors_of_the_backtest() -> None:
    chosen, data = settings(), given(-1)
    wanted = backtest(chosen, -1)
    current().live = True
    ends = [row for row in range(ROWS - 100, ROWS) if row % 3 == 0]
    for pair in PAIRS:
        for rows in ends[:: 1 + len(ends) // 8]:
            got = live(chosen, data, pair, rows)
            for column in (TRUST, "composite"):
                np.testing.assert_allclose(
                    got[column].tail(5), wanted[pair][column].iloc[rows - 5 : rows], atol=1e-9
                )


def test_an_edge_is_kept_together() -> None:
    chosen = settings()
    sure = {pair: each.assign(up=0.9, down=0.1) for pair, each in given(1).items()}
    for pair, each in sure.items():
        source = candles(PAIRS.index(pair) + 1, ROWS)
        right = np.nan_to_num(forward_return(source, LabelSettings())) > 0
        each["up"], each["down"] = np.where(right, 0.7, 0.2), np.where(right, 0.2, 0.7)
    found = populate_together(
        {pair: frames.add_decisions(each, chosen, pair) for pair, each in sure.items()}, chosen
    )
    assert all((each[TRUST] > 0.5).all() for each in found.values())


def test_groups_are_all_pairs_classes_or_none() -> None:
    names = {
        kind: [edgegroups.group_of(pair, settings(groups=kind)) for pair in PAIRS]
        for kind in ("all", "class", "off")
    }
    assert names["all"] == ["all pairs"] * 3
    assert names["class"] == ["class btc", "class eth", "class meme"]
    assert names["off"] == [None] * 3
    for kind in ("class", "off"):
        chosen = settings(groups=kind)
        alone = {pair: frames.add_decisions(each, chosen, pair) for pair, each in given(-1).items()}
        found = populate_together(alone, chosen)
        assert all(found[pair] is alone[pair] for pair in PAIRS), "no group has two of these"


def test_frames_without_a_watched_model_are_left_alone() -> None:
    chosen = settings()
    plain = {pair: each.drop(columns=["up", "down"]) for pair, each in given(-1).items()}
    assert populate_together(plain, chosen) == plain
    watched = {pair: frames.add_decisions(each, chosen, pair) for pair, each in given(-1).items()}
    one_pair_alone = chosen.model_copy(update={"analysis": True})
    assert populate_together(watched, one_pair_alone) is watched


def test_its_silence_is_told_once_and_not_taken_back_by_one_who_is_behind(
    run: Run,
) -> None:
    run.live = True
    chosen, data = settings(), given(-1)
    drawer = kept(data)
    date = data[PAIRS[0]]["date"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    for pair in (*PAIRS, *PAIRS):
        got = live_factors(run, PastForecasts("one", None, drawer), pair, date, chosen)
        assert got[-1] == 0
    told = [event.data for event in run.store.events("model edge")]
    assert {"group": "all pairs", "silenced": True} in told
    assert len(told) <= 2, "by candles and by trades"
    behind = kept({pair: each.head(200) for pair, each in data.items()})
    got = live_factors(run, PastForecasts("one", None, behind), PAIRS[0], date[:200], chosen)
    assert len(run.store.events("model edge")) == len(told)
    lost = kept({pair: each.head(20) for pair, each in data.items()})
    got = live_factors(run, PastForecasts("one", None, lost), PAIRS[0], date[:20], chosen)
    assert (got == 0).all(), "what was silenced stays so when its forecasts are lost"
    other = live_factors(run, PastForecasts("two", None, lost), PAIRS[0], date[:20], chosen)
    assert (other == 1).all(), "another model begins anew"


def test_only_a_newer_block_is_news() -> None:
    chosen, data = settings(), given(-1)
    past = PastForecasts("one", None, kept(data))
    date = data[PAIRS[0]]["date"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    first = edgegroups.judge_group(past, PAIRS[0], date, chosen).verdicts
    silenced = [verdict for verdict in first if verdict.silenced]
    assert silenced
    for ahead, changed in ((-1, True), (0, False), (1, False)):
        groups = {verdict.name: GroupSilence(False, verdict.block + ahead) for verdict in silenced}
        memory = EdgeMemory(groups=groups)
        again = edgegroups.judge_group(past, PAIRS[0], date, chosen, memory).verdicts
        assert [each.changed for each in again if each.silenced] == [changed] * len(silenced)


@pytest.mark.parametrize("factors", [(0.4, 0.9), (0.9, 0.4)])
def test_the_lesser_factor_of_all_forecasts_and_of_trades_counts(
    monkeypatch: pytest.MonkeyPatch, factors: tuple[float, float]
) -> None:
    chosen, data, given_factors = settings(), given(-1), iter(factors)
    date = data[PAIRS[0]]["date"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    monkeypatch.setattr(
        edgegroups.groupmonitor,
        "factors_at",
        lambda date, *_: np.full(len(date), next(given_factors)),
    )
    past = PastForecasts("one", None, kept(data))
    assert (edgegroups.judge_group(past, PAIRS[0], date, chosen).factor == 0.4).all()


def test_forecasts_older_than_the_silence_do_not_end_it(run: Run) -> None:
    """After a crash: it was silenced, heard again and silenced, of which the last is lost."""
    run.live = True
    chosen = settings()
    data = {}
    for seed, pair in enumerate(PAIRS, start=1):
        source = candles(seed, ROWS)
        sign = np.where((np.arange(ROWS) // 800) % 2, 1.0, -1.0)
        lean = np.tanh(sign * np.nan_to_num(forward_return(source, LabelSettings()))) / 2
        data[pair] = frame(seed, 0).assign(up=0.4 + lean / 2, down=0.4 - lean / 2)
    date = data[PAIRS[0]]["date"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    whole = PastForecasts("one", None, kept(data))
    factor = live_factors(run, whole, PAIRS[0], date, chosen)
    assert factor[790] == 0
    assert factor[1_590] > 0
    assert factor[-1] == 0
    told = len(run.store.events("model edge"))
    older = PastForecasts(
        "one", None, kept({pair: each.head(1_590) for pair, each in data.items()})
    )
    assert (live_factors(run, older, PAIRS[1], date[:1_590], chosen) == 0).all()
    assert len(run.store.events("model edge")) == told
    alone = PastForecasts("two", None, older.drawer)
    assert live_factors(run, alone, PAIRS[1], date[:1_590], chosen)[-1] > 0


def test_scores_are_made_anew_only_when_a_block_is_over(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, data, made = settings(), given(1), []
    scores_of = edgegroups.scores_of
    monkeypatch.setattr(
        edgegroups, "scores_of", lambda *of: made.append(len(of[0])) or scores_of(*of)
    )
    drawer = kept(data)
    date = data[PAIRS[0]]["date"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    for _ in range(3):
        live_factors(run, PastForecasts("one", None, drawer), PAIRS[0], date, chosen)
    assert made == [ROWS] * 3
    later = kept({pair: each.head(ROWS - 60) for pair, each in data.items()})
    drawer.historic_predictions = later.historic_predictions
    live_factors(run, PastForecasts("one", None, drawer), PAIRS[0], date[:-60], chosen)
    assert made[3:] == [ROWS - 60] * 3


def test_autopilot_judges_its_pairs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from freqtrade.strategy.interface import IStrategy

    from freqpilot.host.boot import resolvers
    from freqpilot.host.boot.doors import door_dir

    (kind,) = [
        each["class"]
        for each in resolvers.resolver("strategies")._search_all_objects(
            door_dir("strategies"), enum_failed=False
        )
        if each["name"] == "Autopilot"
    ]
    chosen = settings()
    alone = {pair: frames.add_decisions(each, chosen, pair) for pair, each in given(-1).items()}
    monkeypatch.setattr(IStrategy, "advise_all_indicators", lambda self, data: alone)
    strategy = kind.__new__(kind)
    strategy.config = {"freqpilot": {"models": {"edge": {"evidence": 10, "min_ic": 0.15}}}}
    found = strategy.advise_all_indicators({})
    wanted = populate_together(alone, chosen)
    for pair in PAIRS:
        pd.testing.assert_frame_equal(found[pair], wanted[pair])
    assert any((found[pair][TRUST] < alone[pair][TRUST]).any() for pair in PAIRS)
