"""The doors to the catalogue's models: trained by FreqAI's steps, read by Autopilot's columns."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqai_stage import stand

from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.features.labels.targets import forward_return
from freqpilot.host.boot import resolvers
from freqpilot.host.boot.doors import door_dir
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import features
from freqpilot.host.freqai import classifier, forecaster
from freqpilot.host.freqai import columns as columns_module
from freqpilot.host.freqai.features import stage as featurestage
from freqpilot.models.base.fitted import Fitted
from freqpilot.models.base.target import Aimed
from freqpilot.models.catalogue import MODELS
from freqpilot.settings import LabelSettings, Settings

ROWS = 1_000


def frame(seed: int = 1, rows: int = ROWS, absurd_after: int = 0) -> pd.DataFrame:
    source = candles(seed, rows)
    data = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    whole = pd.DataFrame(data | {"date": pd.to_datetime(source.date, utc=True)})
    if absurd_after:
        whole.loc[absurd_after:, ["open", "high", "low", "close"]] *= 100.0
    return features.add_features(whole)


def labelled(whole: pd.DataFrame) -> pd.DataFrame:
    return features.add_labels(whole, LabelSettings())


@pytest.fixture(params=sorted(MODELS))
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a door to each model."""
    return stand(
        type("Door", (forecaster.Forecaster,), {"forecaster": MODELS[request.param]}), tmp_path
    )


def trained(door: Any, data: pd.DataFrame) -> Any:
    door.kitchen.find_features(data)
    return door.model.train(data, "BTC/USDT", door.kitchen)


def test_what_predict_sees_is_what_fit_saw_and_autopilot_reads_it(door: Any) -> None:
    data = labelled(frame())
    fitted = trained(door, data)
    assert isinstance(fitted, Fitted)
    door.model.model = fitted
    columns = door.kitchen.training_features_list
    served = data.tail(80)
    found, do_predict = door.model.predict(served, door.kitchen)
    direct = fitted.predict(served[columns].to_numpy(dtype=np.float32))
    np.testing.assert_array_equal(found["up"], direct.up)
    np.testing.assert_array_equal(found["forecast_mean"], direct.mean)
    assert (do_predict == 1).all()
    given = pd.concat(
        [served.reset_index(drop=True), found.drop(columns=columns_module.LABEL)], axis=1
    )
    decided = frames.add_decisions(given.assign(do_predict=do_predict), Settings())
    edge = (direct.up - direct.down)[np.abs(direct.up - direct.down) > 0.05]
    spoken = decided["contrib_model_forecast"].to_numpy()[np.abs(direct.up - direct.down) > 0.05]
    assert (np.sign(spoken) == np.sign(edge)).all()


def test_a_forecast_that_counts_tells_its_reasons(door: Any) -> None:
    data = labelled(frame())
    door.model.model = trained(door, data)
    found, _ = door.model.predict(data.tail(60), door.kitchen)
    speaks = (found["up"] - found["down"]).abs() > 0.05
    assert (found[columns_module.REASONS] != "").eq(speaks).all()


def test_every_model_has_a_door() -> None:
    named = resolvers.class_names(door_dir("freqaimodels"))
    for folder in door_dir("freqaimodels").glob("Freqpilot*.py"):
        assert folder.stem in named
    wanted = {
        "Regressor",
        "Calibrated",
        "Linear",
        "Logistic",
        "LastValue",
        "Stacked",
        "XGBoost",
        "Autoregression",
    }
    assert {f"Freqpilot{name}" for name in wanted} <= set(named)
    pooled = ("Pooled", "PooledClassifier", "PooledStacked", "PooledWhole")
    assert {f"Freqpilot{name}" for name in pooled} <= set(named)
    assert len(wanted) == len(MODELS)


def test_a_row_with_a_missing_figure_never_comes_back_as_predicted(door: Any) -> None:
    data = labelled(frame())
    door.model.model = trained(door, data)
    holes = data.tail(40).copy()
    feature = next(name for name in holes.columns if name.startswith("%-"))
    holes.iloc[10, holes.columns.get_loc(feature)] = np.nan
    found, do_predict = door.model.predict(holes, door.kitchen)
    assert np.flatnonzero(do_predict == 0).tolist() == [10]
    assert found.loc[10, ["up", "down", "flat"]].to_numpy().sum() == 0


def test_a_price_beyond_the_window_changes_no_model(door: Any) -> None:
    """A canary: prices after the window's end are made absurd."""
    plain = labelled(frame(rows=ROWS + 100).head(ROWS))
    absurd = labelled(frame(rows=ROWS + 100, absurd_after=ROWS).head(ROWS))
    assert trained(door, plain) == trained(door, absurd)


def test_too_short_a_window_gives_no_model(door: Any) -> None:
    assert trained(door, labelled(frame(rows=430))) is None


def test_the_regressors_label_is_the_forward_return_that_is_known() -> None:
    data = frame()
    names = tuple(name for name in data.columns if name.startswith("%-"))
    labels = LabelSettings()
    window = forecaster.training_window(data, names, labels, classes=False)
    np.testing.assert_array_equal(window.y, forward_return(candles(1, ROWS), labels)[window.time])
    assert window.time[-1] == ROWS - 1 - labels.horizon
    assert (window.weights < 0.2).all(), "labels that overlap share their weight"


def test_lightgbms_parameters_come_from_the_config(door: Any) -> None:
    door.model.model_training_parameters = {"n_estimators": 3}
    made = door.model._made()
    assert getattr(made, "params", (("n_estimators", 3),)) == (("n_estimators", 3),)
    assert made.name == door.model.forecaster.name


def aimed(data: pd.DataFrame) -> pd.DataFrame:
    ahead = data["close"].shift(-8) / data["close"] - 1
    return data.drop(columns=columns_module.LABEL, errors="ignore").assign(
        **{"&-ahead": 40 + ahead}
    )


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """Return a regressor's door where the strategy has a target of its own."""
    kind = type("Door", (forecaster.Forecaster,), {"forecaster": MODELS["trees_regressor"]})
    stage = stand(kind, tmp_path)
    stage.kitchen.label_list = ["&-ahead"]
    stage.model.freqai_info["feature_parameters"]["label_period_candles"] = 8
    return stage


def test_a_regression_learns_the_strategys_own_target(own: Any) -> None:
    data = aimed(frame())
    own.model.model = fitted = trained(own, data)
    assert isinstance(fitted, Aimed)
    assert fitted.target.name == "&-ahead"
    found, do_predict = own.model.predict(data.tail(50), own.kitchen)
    assert (do_predict == 1).all()
    assert columns_module.LABEL not in found
    assert found["&-ahead"].sub(40).abs().max() < 0.2, "in the target's own units"
    np.testing.assert_array_equal(found["&-ahead"], found["forecast_mean"])
    assert own.kitchen.data["labels_mean"]["&-ahead"] == pytest.approx(40, abs=0.2)


def test_an_own_target_beyond_the_window_is_not_seen(own: Any) -> None:
    """A canary: a strategy that fills the last rows, whose target is not decided yet."""
    plain, filled = aimed(frame()), aimed(frame())
    filled.loc[ROWS - 8 :, "&-ahead"] = 1e6
    plain.loc[ROWS - 8 :, "&-ahead"] = 40.0
    assert trained(own, filled) == trained(own, plain)


def test_an_own_target_has_its_own_purge(own: Any) -> None:
    seen: list[LabelSettings] = []
    made = MODELS["trees_regressor"]

    class Spy:
        name, classes = made.name, False

        def fit(self, window: Any, labels: LabelSettings, seed: int) -> Any:
            seen.append(labels)
            assert (window.end - window.time == 30).all()
            return made.fit(window, labels, seed)

    own.model.freqai_info["feature_parameters"]["label_period_candles"] = 30
    type(own.model).forecaster = Spy()
    assert trained(own, aimed(frame())) is not None
    assert (seen[0].horizon, seen[0].purge) == (30, 30)


def test_classes_are_made_here_whatever_the_strategy_sets(tmp_path: Path) -> None:
    kind = type("Door", (forecaster.Forecaster,), {"forecaster": MODELS["trees_classifier"]})
    stage = stand(kind, tmp_path)
    stage.kitchen.label_list = ["&-ahead"]
    stage.model.model = trained(stage, aimed(frame()))
    found, _ = stage.model.predict(aimed(frame()).tail(5), stage.kitchen)
    assert columns_module.LABEL in found
    assert "&-ahead" not in found


def test_two_targets_of_a_strategy_are_refused(own: Any) -> None:
    own.kitchen.label_list = ["&-ahead", "&-other"]
    with pytest.raises(Degraded, match="sets 2 targets"):
        trained(own, aimed(frame()))


def test_live_freqai_has_statistics_of_every_number(door: Any) -> None:
    """It asks for those of each column that holds numbers, and ends with a KeyError without."""
    door.kitchen.live = True
    data = labelled(frame())
    door.model.model = trained(door, data)
    found, _ = door.model.predict(data.tail(5), door.kitchen)
    for name in found.columns:
        if not pd.api.types.is_string_dtype(found[name].dtype):
            assert name in door.kitchen.data["labels_mean"], name
            assert name in door.kitchen.data["labels_std"], name


def test_a_model_of_the_pack_asks_for_features_as_it_takes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begin(self: Any, config: dict[str, Any]) -> None:
        self.config = config

    monkeypatch.setattr(classifier.BaseClassifierModel, "__init__", begin)
    config: dict[str, Any] = {"freqpilot": {}}
    assert not featurestage.narrow(config), "another model gets Freqtrade's own"
    classifier.PurgedClassifier(config)
    assert featurestage.narrow(config)
