"""Each fault of stock FreqAI, shown on the installed Freqtrade, and that it is not inherited."""

import copy
import itertools
import re
import threading
from collections import deque
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faults_stage as stage
import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.prediction_models.LightGBMRegressor import LightGBMRegressor

from freqpilot.errors import Degraded
from freqpilot.host.boot import digests
from freqpilot.host.freqai import forecaster as forecasts
from freqpilot.host.freqai import identity
from freqpilot.host.freqai.training import queue as trainqueue
from freqpilot.models.base.window import parts
from freqpilot.models.training import shelf
from freqpilot.models.trees.boosting import TreesRegressor
from freqpilot.settings import LabelSettings

PAIR, LATER = "BTC/USDT", "NEW/USDT"
# Freqtrade's own models use both.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.rename"),
]


class Ours(forecasts.Forecaster):
    """A door of the pack."""

    forecaster = TreesRegressor(selected=False, params=(("n_estimators", 5),))


def model_of(kind: type[Any], config: dict[str, Any]) -> Any:
    made = kind(config)
    made.live = False
    return made


def kitchen_of(model: Any, data: pd.DataFrame, pair: str = PAIR, stamp: int = 1) -> Any:
    kitchen = FreqaiDataKitchen(model.config, model.live, pair)
    kitchen.set_paths(pair, stamp)
    kitchen.set_new_model_names(pair, stamp)
    kitchen.find_features(data)
    kitchen.find_labels(data)
    kitchen.thread_count = 1
    return kitchen


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return stage.configuration(tmp_path)


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> None:
    stage.as_shipped(monkeypatch)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    stage.with_seams(monkeypatch)


# --- a row with a missing figure ------------------------------------------------------------------


def predicted_holes(kind: type[Any], config: dict[str, Any]) -> list[int]:
    """Return the places of rows with a missing figure that came back as predicted."""
    data = stage.frame(1, 700)
    model = model_of(kind, config)
    kitchen = kitchen_of(model, data)
    model.model = model.train(data, PAIR, kitchen)
    holes = data.tail(50).copy()
    holes.iloc[[7, 9], holes.columns.get_loc("%-step")] = np.nan
    _, do_predict = model.predict(holes, kitchen)
    assert np.delete(do_predict, [7, 9]).all()
    return [row for row in (7, 9) if do_predict[row] == 1]


@pytest.mark.usefixtures("stock")
def test_stock_predicts_from_a_missing_figure(config: dict[str, Any]) -> None:
    assert predicted_holes(LightGBMRegressor, config) == [7, 9]


@pytest.mark.usefixtures("ours")
def test_ours_does_not_predict_from_a_missing_figure(config: dict[str, Any]) -> None:
    assert predicted_holes(Ours, config) == []


# --- the pipeline of another window ---------------------------------------------------------------


def served(kind: type[Any], config: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the first window's model says when it is fresh, and when it is loaded after the
    second window's was trained, as a backtest does that finds some of its models on disk."""
    data = stage.frame(2, 900)
    model = model_of(kind, config)
    model.dd.set_pair_dict_info({"pair": PAIR})
    asked = data.iloc[500:560]
    told = []
    for begin, stamp in ((0, 1), (400, 2)):
        kitchen = kitchen_of(model, data, stamp=stamp)
        model.model = model.train(data.iloc[begin : begin + 500], PAIR, kitchen)
        model.dd.save_data(model.model, PAIR, kitchen)
        if stamp == 1:
            told.append(model.predict(asked, kitchen)[0])
    kitchen = kitchen_of(model, data, stamp=1)
    model.model = model.dd.load_data(PAIR, kitchen)
    told.append(model.predict(asked, kitchen)[0])
    column = "forecast_mean" if "forecast_mean" in told[0] else "&-ahead"
    return told[0][column].to_numpy(), told[1][column].to_numpy()


@pytest.mark.usefixtures("stock")
def test_stock_gives_a_loaded_model_another_windows_pipeline(config: dict[str, Any]) -> None:
    fresh, loaded = served(LightGBMRegressor, config)
    assert not np.allclose(fresh, loaded)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("kind", [Ours, LightGBMRegressor])
def test_ours_gives_a_loaded_model_its_own(config: dict[str, Any], kind: type[Any]) -> None:
    """The seam mends Freqtrade's own models as well."""
    fresh, loaded = served(kind, config)
    np.testing.assert_array_equal(fresh, loaded)


# --- no purge before the test part ----------------------------------------------------------------


def overlap(data: dict[str, Any]) -> int:
    """Return how many candles of the test part the last training label looks into."""
    last = int(data["train_features"].index.max())
    return last + stage.HORIZON - int(data["test_features"].index.min()) + 1


@pytest.mark.usefixtures("stock")
def test_stock_trains_on_labels_decided_in_its_test_part(config: dict[str, Any]) -> None:
    data = stage.frame(3, 700)
    kitchen = kitchen_of(model_of(LightGBMRegressor, config), data)
    features, labels = kitchen.filter_features(
        data, kitchen.training_features_list, kitchen.label_list
    )
    assert overlap(kitchen.make_train_test_datasets(features, labels)) == stage.HORIZON


@pytest.mark.usefixtures("ours")
def test_ours_leaves_them_out(config: dict[str, Any]) -> None:
    data = stage.frame(3, 700)
    model = model_of(Ours, config)
    kitchen = kitchen_of(model, data)
    prepared = model._prepare(data, PAIR, kitchen)
    assert overlap(prepared) <= -LabelSettings().embargo


# --- a cache that knows names only ----------------------------------------------------------------


class OtherModel(LightGBMRegressor):
    pass


class OtherLabels(stage.Features):
    def set_freqai_targets(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        return dataframe


def finds_the_cache(changed: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> bool:
    """Predict a window, change what the predictions hang on, and ask for them again."""
    found = []
    for turn in (False, True):
        config = stage.configuration(tmp_path)
        patch.setattr(identity, "source_digest", lambda kind: kind.__name__)
        strategy, kind = stage.Features, LightGBMRegressor
        section: dict[str, Any] = {"labels": {"horizon": 12}}
        if turn and changed == "label settings":
            section["labels"]["horizon"] = 8
        if turn and changed == "parameters":
            config["freqai"]["model_training_parameters"]["n_estimators"] = 21
        if turn and changed == "model settings":
            section["models"] = {"guard": {"enabled": True}}
        if turn and changed == "the monitor":
            section["models"] = {"edge": {"enabled": False}}
        if turn and changed == "model":
            kind = OtherModel
        if turn and changed == "strategy":
            strategy = OtherLabels
        config["freqpilot"] = section
        if hasattr(FreqaiDataKitchen.set_paths, "__wrapped__"):
            digests.stamp_identifier(config, {"pack": "1", "data": "1"})
            identity.stamp(config, strategy=strategy.__name__)
        model = model_of(kind, config)
        kitchen = kitchen_of(model, stage.frame(1, 100))
        found.append(kitchen.check_if_backtest_prediction_is_valid(20))
        kitchen.save_backtesting_prediction(stage.frame(1, 20))
    assert not found[0]
    return found[1]


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize("changed", ["parameters", "model", "strategy"])
def test_stock_serves_what_another_made(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finds_the_cache(changed, tmp_path, monkeypatch)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize(
    "changed", ["label settings", "parameters", "model", "model settings", "strategy"]
)
def test_ours_asks_anew(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not finds_the_cache(changed, tmp_path, monkeypatch)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("changed", ["nothing", "the monitor"])
def test_ours_keeps_what_is_still_true(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finds_the_cache(changed, tmp_path, monkeypatch)


def test_a_changed_label_in_the_strategys_file_is_another_strategy(tmp_path: Path) -> None:
    from freqtrade.resolvers import StrategyResolver

    def digest(horizon: int) -> str:
        text = (
            "from freqtrade.strategy import IStrategy\n"
            "class Mine(IStrategy):\n"
            "    def set_freqai_targets(self, dataframe, metadata, **kwargs):\n"
            f"        return dataframe.shift({horizon})\n"
        )
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        found = StrategyResolver.search_all_objects(
            {"user_data_dir": tmp_path, "strategy_path": str(tmp_path)}, True
        )
        (kind,) = [each["class"] for each in found if each["name"] == "Mine"]
        return identity.source_digest(kind)

    first = digest(12)
    assert digest(12) == first
    assert digest(24) != first


@pytest.mark.usefixtures("ours")
def test_a_strategy_stamps_its_model_and_twice_is_once(tmp_path: Path) -> None:
    config = stage.configuration(tmp_path) | {"freqaimodel": "LightGBMRegressor"}
    config["freqai"]["identifier"] = "mine~abc"
    strategy = stage.Features(config)
    names = []
    for _ in range(2):
        strategy.load_freqAI_model()
        names.append(strategy.freqai.identifier)
    assert names[0] == names[1] == config["freqai"]["identifier"]
    assert re.fullmatch(r"mine~abc/by-[0-9a-f]{8}-[0-9a-f]{8}", names[0])
    assert strategy.freqai.full_path == tmp_path / "models" / names[0]


@pytest.mark.usefixtures("ours")
def test_live_predictions_are_played_back_by_the_name_that_is_given(tmp_path: Path) -> None:
    config = stage.configuration(tmp_path) | {
        "freqai_backtest_live_models": True,
        "freqaimodel": "LightGBMRegressor",
        "freqpilot": {},
    }
    config["freqai"]["identifier"] = "mine~abc/by-d-e"
    digests.stamp_identifier(config, {"pack": "1", "data": "1"})
    strategy = stage.Features(config)
    strategy.load_freqAI_model()
    assert strategy.freqai.identifier == "mine~abc/by-d-e"


# --- two stakes of one coin -----------------------------------------------------------------------


def places(config: dict[str, Any], pairs: tuple[str, ...]) -> list[tuple[Path, str]]:
    model = model_of(LightGBMRegressor, config)
    found = []
    for pair in pairs:
        kitchen = FreqaiDataKitchen(model.config, False, pair)
        kitchen.set_paths(pair, 1_700_000_000)
        early = kitchen.data_path
        kitchen.set_new_model_names(pair, 1_700_000_000)
        assert early == kitchen.data_path
        found.append((kitchen.data_path, kitchen.model_filename))
    return found


STAKES = ("BTC/USDT", "BTC/USDC", "BTC/USDT:USDT", "ETH/BTC")


@pytest.mark.usefixtures("stock")
def test_stock_keeps_two_stakes_in_one_folder(config: dict[str, Any]) -> None:
    assert len(set(places(config, STAKES))) == 2


@pytest.mark.usefixtures("ours")
def test_ours_has_a_folder_a_pair(config: dict[str, Any]) -> None:
    found = places(config, STAKES)
    assert len({folder for folder, _ in found}) == len({name for _, name in found}) == 4


@pytest.mark.parametrize(("seams", "left"), [("stock", 2), ("ours", 4)])
def test_old_models_are_counted_by_pair(
    config: dict[str, Any], seams: str, left: int, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(seams)
    model = model_of(LightGBMRegressor, config)
    for pair, stamp in (("BTC/USDT", 0), ("BTC/USDC", 1), ("BTC/USDT", 2), ("BTC/USDC", 3)):
        kitchen = FreqaiDataKitchen(model.config, False, pair)
        kitchen.set_paths(pair, 1_700_000_000 + stamp)
        kitchen.data_path.mkdir(parents=True)
        shelf.label(kitchen.data_path, shelf.Shelved(kitchen.data_path, pair, "cb", stamp, "trees"))
        shelf.stamp(kitchen.data_path)
    model.dd.purge_old_models()
    assert len(list(model.full_path.glob("sub-train-*"))) == left


# --- pairs that a pairlist brings -----------------------------------------------------------------


class Source:
    """Candles of a running bot; ``later`` begins to be listed after it has started."""

    def __init__(self) -> None:
        self.listed = [PAIR, LATER]
        self.rows = 300
        self.first = 0

    def current_whitelist(self) -> list[str]:
        return self.listed

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        whole = stage.frame(1 if pair == PAIR else 2, self.rows, labelled=False)
        return whole.iloc[self.first :].reset_index(drop=True)


@pytest.fixture
def live(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a model as a live bot has it, that has known the config's pair for a while. Its window
    is 25 days and begins before the bot's own candles do."""
    now = stage.frame(1, 300)["date"].iloc[-1].to_pydatetime()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now

    monkeypatch.setattr("freqtrade.freqai.data_kitchen.datetime", Clock)
    config["freqai"]["train_period_days"] = 25
    model = model_of(LightGBMRegressor, config)
    model.live = model.scanning = True
    strategy = stage.Features(config)
    strategy.dp = Source()
    strategy.freqai = model
    known = strategy.dp.get_pair_dataframe(PAIR, "1h").iloc[:-1]
    model.dd.historic_data = {PAIR: {"1h": known}}
    return SimpleNamespace(model=model, strategy=strategy)


def analyse(live: SimpleNamespace, pair: str) -> pd.DataFrame:
    model, strategy = live.model, live.strategy
    model.dd.set_pair_dict_info({"pair": pair})
    model.dk = FreqaiDataKitchen(model.config, True, pair)
    frame = strategy.dp.get_pair_dataframe(pair, "1h")
    return model.start_live(frame, {"pair": pair}, strategy, model.dk).return_dataframe


def scan(live: SimpleNamespace, patch: pytest.MonkeyPatch, rounds: int) -> list[str]:
    """Let FreqAI's training thread run through its queue, here, and return what it trained."""
    model, trained = live.model, []

    def train(frame: pd.DataFrame, pair: str, kitchen: Any) -> object:
        trained.append((pair, len(frame)))
        raise ValueError("enough for this test")

    def tick(_: float) -> None:
        nonlocal rounds
        rounds -= 1
        if rounds < 0:
            model._stop_event.set()

    patch.setattr(model, "train", train, raising=False)
    patch.setattr("freqtrade.freqai.freqai_interface.time.sleep", tick)
    model._stop_event = threading.Event()
    model._start_scanning(live.strategy)
    live.rows = dict(trained)
    return [pair for pair, _ in trained]


@pytest.mark.usefixtures("stock")
def test_stock_never_trains_a_later_pair(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyError, match=LATER):
        analyse(live, LATER)
    assert LATER not in scan(live, monkeypatch, 4)
    live.strategy.dp.listed = [LATER]
    scan(live, monkeypatch, 2)
    live.strategy.dp.listed = [PAIR, LATER]
    analyse(live, PAIR)
    assert not live.model.train_queue, "one that was away for a moment is struck for good"


def on_disk(live: SimpleNamespace, patch: pytest.MonkeyPatch, begin: int) -> list[bool]:
    """Let the exchange have the later pair's candles from row ``begin`` of a longer history on."""
    asked: list[bool] = []
    step = pd.Timedelta(hours=1)
    whole = live.strategy.dp.get_pair_dataframe(LATER, "1h")
    before = stage.frame(5, 400, labelled=False)
    first = whole["date"].iloc[0]
    before["date"] = [first - step * (400 - row) for row in range(400)]
    known = pd.concat([before.iloc[begin:], whole.iloc[:50]], ignore_index=True)
    patch.setattr(trainqueue, "_download", lambda dp, config: asked.append(config["prepend_data"]))
    patch.setattr(
        trainqueue, "_read", lambda config, pair, timeframe, begin: known.copy() if asked else None
    )
    return asked


@pytest.mark.usefixtures("ours")
def test_ours_trains_a_later_pair_on_its_whole_window(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = on_disk(live, monkeypatch, begin=0)
    frame = analyse(live, LATER)
    assert (frame["do_predict"] == 0).all(), "without a model there is no entry"
    assert list(live.model.train_queue) == [PAIR, LATER]
    analyse(live, LATER)
    assert list(live.model.train_queue) == [PAIR, LATER]
    trained = scan(live, monkeypatch, 4)
    assert set(trained) == {PAIR, LATER}
    assert asked == [False], "asked for once"
    assert live.rows[LATER] == 25 * 24 + 1
    history = live.model.dd.historic_data[LATER]["1h"]
    assert len(history) == 400 + 300
    assert (history["date"].diff().dropna() == pd.Timedelta(hours=1)).all()
    live.strategy.dp.rows = 301
    analyse(live, LATER)
    assert len(live.model.dd.historic_data[LATER]["1h"]) == 701, "it goes on with the candles"


@pytest.mark.usefixtures("ours")
def test_a_pair_that_was_away_is_trained_again(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.strategy.dp.listed = [LATER]
    scan(live, monkeypatch, 2)
    assert not live.model.train_queue
    live.strategy.dp.listed = [PAIR, LATER]
    analyse(live, PAIR)
    assert list(live.model.train_queue) == [PAIR]
    live.strategy.dp.rows, live.strategy.dp.first = 900, 600
    analyse(live, PAIR)
    history = live.model.dd.historic_data[PAIR]["1h"]
    assert len(history) == 300, "across a gap of its candles the history begins anew"
    assert (history["date"].diff().dropna() == pd.Timedelta(hours=1)).all()


@pytest.mark.usefixtures("stock")
def test_stock_stops_at_such_a_gap(live: SimpleNamespace) -> None:
    live.strategy.dp.rows, live.strategy.dp.first = 900, 600
    with pytest.raises(OperationalException, match="older than"):
        analyse(live, PAIR)


@pytest.mark.usefixtures("ours")
def test_a_download_that_fails_is_named_and_tried_again(
    live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(dp: Any, config: dict[str, Any]) -> None:
        raise ConnectionError("no answer")

    monkeypatch.setattr(trainqueue, "_download", fail)
    analyse(live, LATER)
    with pytest.raises(Degraded, match=r"NEW/USDT: the candles to train on.*no answer.*no entry"):
        trainqueue.deepen(live.model, live.strategy.dp, LATER, 0)
    assert set(scan(live, monkeypatch, 4)) == {PAIR}
    asked = on_disk(live, monkeypatch, begin=300)
    trainqueue.deepen(live.model, live.strategy.dp, LATER, 0)
    assert asked == [False, True]
    trainqueue.deepen(live.model, live.strategy.dp, LATER, 0)
    assert asked == [False, True], "what the exchange has not is not asked for again"


def test_a_pair_in_the_whitelist_alone_joins_and_only_once() -> None:
    queue = deque(["A", "B"])
    assert trainqueue.admit(queue, "C", ["A", "C"])
    assert list(queue) == ["A", "C", "B"], "behind the head, which is rotated away after training"
    assert not trainqueue.admit(queue, "C", ["A", "C"])
    assert not trainqueue.admit(queue, "D", ["A", "C"])
    empty: deque[str] = deque()
    assert trainqueue.admit(empty, "A", ["A"])


# --- evaluation on training features --------------------------------------------------------------


@pytest.mark.usefixtures("stock")
def test_stocks_evaluation_environment_holds_the_training_features(
    config: dict[str, Any],
) -> None:
    """There is no RL door in the pack, so there is none to mend."""
    made: list[dict[str, Any]] = []
    for module in stage.reinforcement():
        base = module.BaseReinforcementLearningModel

        class Agent(base):  # type: ignore[misc,valid-type]
            def fit(self, data: Any, dk: Any, **kwargs: Any) -> Any:
                return None

            class MyRLEnv:
                def __init__(self, **given: Any) -> None:
                    made.append(given)

                def get_actions(self) -> None: ...

        agent = Agent.__new__(Agent)
        agent.config, agent.freqai_info = config, config["freqai"]
        agent.ft_params = config["freqai"]["feature_parameters"]
        agent.CONV_WIDTH, agent.reward_params, agent.live = 1, {}, False
        agent.can_short, agent.data_provider, agent.model_type = False, None, "PPO"
        agent.rl_config = {"drop_ohlc_from_features": False}
        raw = {f"%-raw_{name}": name for name in ("open", "high", "low", "close")}
        data = stage.frame(4, 400).rename(columns={name: key for key, name in raw.items()})
        kitchen = kitchen_of(SimpleNamespace(config=config, live=False), data)
        agent.train(data, PAIR, kitchen)
    train, evaluation = made
    assert len(evaluation["df"]) < len(train["df"])
    features = data[kitchen.training_features_list]
    pd.testing.assert_frame_equal(evaluation["df_raw"], features.head(len(train["df"])))


@pytest.mark.usefixtures("ours")
def test_ours_validates_on_candles_it_was_not_trained_on(config: dict[str, Any]) -> None:
    data = stage.frame(4, 700)
    model = model_of(Ours, config)
    kitchen = kitchen_of(model, data)
    labels = LabelSettings()
    prepared = model._prepare(data, PAIR, copy.copy(kitchen))
    train, test = (set(prepared[f"{part}_features"].index) for part in ("train", "test"))
    assert not train & test
    window = forecasts.training_window(
        data, tuple(kitchen.training_features_list), labels, classes=False
    )
    three = [set(rows) for rows in parts(window, labels)]
    assert sum(map(len, three)) == len(set.union(*three))
    for early, late in itertools.pairwise(three):
        assert window.end[max(early)] < window.time[min(late)]
