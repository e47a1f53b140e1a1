"""Each model of the catalogue keeps the contract."""

from conformance import ModelContract

from freqpilot.models.catalogue import BASELINES, MODELS


class TestTreesRegressor(ModelContract):
    model = MODELS["trees_regressor"]


class TestTreesClassifier(ModelContract):
    model = MODELS["trees_classifier"]


class TestLastValue(ModelContract):
    model = MODELS["last_value"]
    learns = False


class TestRidge(ModelContract):
    model = MODELS["linear"]


class TestLogistic(ModelContract):
    model = MODELS["logistic"]


class TestXGBoost(ModelContract):
    model = MODELS["xgboost_regressor"]
    rounding = 1e-5


class TestAutoregression(ModelContract):
    model = MODELS["autoregression"]


class TestStacked(ModelContract):
    model = MODELS["stacked"]


def test_every_model_is_under_the_contract() -> None:
    here = [value for value in globals().values() if isinstance(value, type)]
    tested = {case.model.name for case in here if case is not ModelContract}
    assert tested == set(MODELS)
    assert set(BASELINES) < set(MODELS)
