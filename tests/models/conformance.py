"""The contract that every model inherits: subclass :class:`ModelContract` with the model as
``model``, in a file of tests."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqpilot.errors import Degraded
from freqpilot.models.base.fitted import Cores, Fitted, Model
from freqpilot.models.base.window import TooShort, Window, known, parts
from freqpilot.models.catalogue import CORES
from freqpilot.settings import LabelSettings

ROWS = 900
NAMES = ("return_1", *(f"noise_{k}" for k in range(9)))
LABELS = LabelSettings(horizon=4, purge=6, embargo=6)
SEED = 5


def planted(
    classes: bool, seed: int = 1, rows: int = ROWS, sign: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features of which the first tells the outcome with noise, labels (a class, or a
    return; the last four are not known) and the rows at which they are decided."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, len(NAMES))).astype(np.float32)
    y = sign * x[:, 0].astype(np.float64) + 0.7 * rng.standard_normal(rows)
    if classes:
        y = np.digitize(y, [-0.5, 0.5]) - 1.0
    y[-4:] = np.nan
    return x, y, np.arange(rows) + 4


def window(classes: bool, **options: Any) -> Window:
    x, y, end = planted(classes, **options)
    ones = np.ones(len(x))
    return known(x, y, end, ones, ones / 4, NAMES)


def same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


class ModelContract:
    """Every test that a model has to pass."""

    model: Model
    usual: Fitted
    cores: Cores = CORES
    """Classes of cores by kind, that of your model among them."""
    learns = True
    """Whether it learns the sign of a relation, which a fixed rule does not."""
    rounding = 1e-6
    """Of what its features add up to; a library may count in single precision."""

    def loads(self, path: Path) -> Any:
        return Fitted.load(path, self.cores)

    def of_another_kind(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return a file's content with a core that does not exist."""
        return content | {"core": {"kind": "oracle"}}

    def fit(self, **options: Any) -> Fitted:
        return self.model.fit(window(self.model.classes, **options), LABELS, SEED)

    def fitted(self) -> Fitted:
        """Return the model of the usual window, fitted once for all tests that only look at it."""
        if "usual" not in vars(type(self)):
            type(self).usual = self.fit()
        return self.usual

    def test_it_finds_a_planted_signal_and_its_chances_are_chances(self) -> None:
        x, y, _ = planted(self.model.classes, seed=2)
        forecast = self.fitted().predict(x)
        assert np.corrcoef(forecast.mean[:-4], y[:-4])[0, 1] > 0.5
        np.testing.assert_allclose(forecast.down + forecast.flat + forecast.up, 1)
        assert ((forecast.confidence >= 0.5) & (forecast.confidence <= 1)).all()
        assert (np.sign(forecast.up - forecast.down) == np.sign(forecast.mean)).all()

    def test_an_interval_holds_what_it_says_on_candles_it_never_saw(self) -> None:
        x, y, _ = planted(self.model.classes, seed=2)
        forecast = self.fitted().predict(x)
        inside = (forecast.low <= y) & (y <= forecast.high)
        assert inside[:-4].mean() > 0.72
        assert (forecast.low < forecast.high).any()

    def test_a_relation_turned_around_turns_the_forecast(self) -> None:
        x, y, _ = planted(self.model.classes, seed=2)
        turned = self.fit(sign=-1.0).predict(x).mean[:-4]
        assert (np.corrcoef(turned, y[:-4])[0, 1] < -0.5) == self.learns

    def test_the_same_seed_gives_the_same_model(self) -> None:
        assert self.fit() == self.fitted()

    def test_two_pairs_interleaved_share_nothing(self) -> None:
        alone = self.fitted()
        other = self.fit(seed=9)
        assert self.fit() == alone
        assert other != alone

    def test_saved_and_pickled_models_predict_the_same(self, tmp_path: Path) -> None:
        x, _, _ = planted(self.model.classes)
        model = self.fitted()
        model.save(tmp_path / "model.json")
        for other in (self.loads(tmp_path / "model.json"), pickle.loads(pickle.dumps(model))):
            assert other == model
            same(other.predict(x), model.predict(x))
        assert set(json.loads((tmp_path / "model.json").read_text())) == {"digest", "content"}

    @pytest.mark.parametrize("damage", ["truncate", "flip", "delete", "not json", "a list"])
    def test_a_corrupt_file_is_refused_and_left_as_it_is(self, tmp_path: Path, damage: str) -> None:
        file = tmp_path / "model.json"
        self.fitted().save(file)
        text = file.read_text()
        damaged = {
            "truncate": text[: len(text) // 2],
            "flip": text.replace("version", "versiom", 1),
            "not json": "tree",
            "a list": "[1]",
        }.get(damage)
        if damaged is None:
            file.unlink()
        else:
            file.write_text(damaged)
        with pytest.raises(Degraded, match=r"corrupt or missing.*until it is trained anew"):
            self.loads(file)
        assert damaged is None or file.read_text() == damaged

    def test_a_file_of_another_version_or_kind_is_refused(self, tmp_path: Path) -> None:
        from freqpilot.models.base import artefact

        file = tmp_path / "model.json"
        self.fitted().save(file)
        content = artefact.read(file)
        for other in (content | {"version": 0}, self.of_another_kind(content)):
            artefact.write(file, other)
            with pytest.raises(Degraded, match="corrupt or missing"):
                self.loads(file)

    def test_a_row_with_a_nan_has_no_forecast_and_leaves_the_others_alone(self) -> None:
        x, _, _ = planted(self.model.classes)
        model = self.fitted()
        clean = model.predict(x[:6])
        for column in range(len(NAMES)):
            dirty = x[:6].copy()
            dirty[1, column] = np.nan if column % 2 else np.inf
            found = model.predict(dirty)
            assert all(np.isnan(part[1]) for part in found), NAMES[column]
            same((np.delete(p, 1) for p in found), (np.delete(p, 1) for p in clean))

    def test_a_row_alone_is_forecast_as_among_others(self) -> None:
        """Train and serve are equal: live asks for one row, the backtest for a window."""
        x, _, _ = planted(self.model.classes)
        model = self.fitted()
        whole = model.predict(x[:20])
        for row in (0, 7, 19):
            same((part[0] for part in model.predict(x[row : row + 1])), (p[row] for p in whole))

    def test_it_tells_what_each_feature_adds(self) -> None:
        x, _, _ = planted(self.model.classes, seed=3)
        model = self.fitted()
        dirty = x[:50].copy()
        dirty[1, 2] = np.nan
        added = model.leaning(dirty)
        assert np.isnan(added[1]).all()
        added = np.delete(added, 1, axis=0)
        assert np.abs(added).mean(axis=0).argmax() == 0, "the planted feature leads"
        raw = model.core.raw(np.delete(dirty, 1, axis=0)[:, list(model.columns)])
        lean = np.log(raw[:, 2] / raw[:, 0]) if self.model.classes else raw
        summed = added.sum(axis=1) - added[0].sum()
        np.testing.assert_allclose(summed, lean - lean[0], atol=self.rounding)

    def test_constant_features_are_no_fault(self) -> None:
        x, y, end = planted(self.model.classes)
        x[:] = 3.0
        ones = np.ones(len(x))
        model = self.model.fit(known(x, y, end, ones, ones, NAMES), LABELS, SEED)
        assert all(np.isfinite(part[0]) for part in model.predict(x[:3])[3:])

    def test_one_label_only_is_no_fault(self) -> None:
        x, y, end = planted(self.model.classes)
        y[np.isfinite(y)] = 0.0
        ones = np.ones(len(x))
        model = self.model.fit(known(x, y, end, ones, ones, NAMES), LABELS, SEED)
        forecast = model.predict(x[:50])
        assert all(np.isfinite(part).all() for part in forecast)
        if self.learns:
            assert np.abs(forecast.mean).max() < 0.05

    def test_a_window_too_short_to_purge_is_named(self) -> None:
        for rows in (0, 1, 5, 30, 60):
            x, y, end = planted(self.model.classes, rows=max(rows, 4))
            ones = np.ones(rows)
            short = known(x[:rows], y[:rows], end[:rows], ones, ones, NAMES)
            with pytest.raises(TooShort):
                self.model.fit(short, LABELS, SEED)

    def test_it_ends_well_on_the_shortest_window_it_accepts(self) -> None:
        rows = next(n for n in range(60, ROWS) if self._accepts(n))
        forecast = self.fit(rows=rows).predict(planted(self.model.classes)[0][:5])
        assert np.isfinite(forecast.confidence).all()

    def _accepts(self, rows: int) -> bool:
        try:
            parts(window(self.model.classes, rows=rows), LABELS)
        except TooShort:
            return False
        return True

    def test_no_label_beyond_the_windows_end_is_seen(self) -> None:
        """The canary: labels decided behind the window's last candle tell the opposite."""
        x, y, end = planted(self.model.classes)
        canary = y.copy()
        canary[-4:] = -50 * np.sign(x[-4:, 0]) if not self.model.classes else 1
        ones = np.ones(len(x))
        given = known(x, canary, end, ones, ones, NAMES)
        assert self.model.fit(given, LABELS, SEED) == self.model.fit(
            known(x, y, end, ones, ones, NAMES), LABELS, SEED
        )
        with pytest.raises(ValueError, match="beyond the window's last"):
            Window(x, np.nan_to_num(y), np.arange(len(x)), end, len(x) - 1, ones, ones, NAMES)

    def test_another_number_of_features_is_named(self) -> None:
        with pytest.raises(ValueError, match=f"knows {len(NAMES)} features"):
            self.fitted().predict(np.zeros((2, 3), np.float32))
