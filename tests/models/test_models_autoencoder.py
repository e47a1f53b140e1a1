"""The anomaly guard refuses what does not hang together, and little else."""

from pathlib import Path

import numpy as np
import pytest

from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.models import autoencoder
from freqpilot.models.base import runtime
from freqpilot.models.base.window import TooShort
from freqpilot.settings import GuardSettings

torch = pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
WIDTH, ROWS = 12, 3_000
SETTINGS = GuardSettings(hidden=16, code=3, epochs=25)


def usual(rows: int, seed: int, sign: float = 1.0) -> np.ndarray:
    """Return features that three hidden causes make, some of them by a bent curve, with noise."""
    rng = np.random.default_rng(seed)
    causes = rng.standard_normal((rows, 3))
    mix = np.random.default_rng(7).standard_normal((3, WIDTH)) * sign
    x = np.tanh(causes @ mix) + 0.1 * rng.standard_normal((rows, WIDTH))
    return (100.0 * x).astype(np.float32)


def fitted(seed: int = 1, sign: float = 1.0) -> autoencoder.Autoencoder:
    return autoencoder.fit(usual(ROWS, seed, sign), SETTINGS, 0.3, 12, 5)


@pytest.fixture(scope="module")
def guard() -> autoencoder.Autoencoder:
    return fitted()


def test_planted_anomalies_are_refused_though_each_figure_is_usual(
    guard: autoencoder.Autoencoder,
) -> None:
    strange = usual(2_000, 3)
    for column in range(WIDTH):
        np.random.default_rng(column).shuffle(strange[:, column])
    assert (~guard.accepts(strange)).mean() > 0.8
    far = usual(2_000, 3)
    far[:, 4] += 1_000.0
    assert not guard.accepts(far).any()


def test_false_alarms_are_as_rare_as_the_quantile_says(guard: autoencoder.Autoencoder) -> None:
    refused = (~guard.accepts(usual(20_000, 4))).mean()
    assert 0.002 < refused < 0.025, "1 % is meant, measured on 450 rows"


def test_a_row_is_judged_alike_alone_and_among_others(guard: autoencoder.Autoencoder) -> None:
    x = usual(60, 5)
    whole = guard.errors(x)
    for rows in (1, 7, 59):
        np.testing.assert_allclose(guard.errors(x[:rows]), whole[:rows], rtol=1e-6)
        np.testing.assert_allclose(guard.errors(x[rows:]), whole[rows:], rtol=1e-6)


def test_what_comes_after_the_window_changes_nothing(guard: autoencoder.Autoencoder) -> None:
    assert fitted() == guard, "the same seed gives the same guard"
    longer = np.concatenate([usual(ROWS, 1), 1e6 * usual(50, 9)])
    assert autoencoder.fit(longer[:ROWS], SETTINGS, 0.3, 12, 5) == guard


def test_the_threshold_is_not_read_from_rows_it_learnt(guard: autoencoder.Autoencoder) -> None:
    """The newest rows alone move the threshold; they move no weight."""
    x = usual(ROWS, 1)
    x[-400:] *= 3.0
    other = autoencoder.fit(x, SETTINGS, 0.3, 12, 5)
    assert (other.weights, other.centre, other.scale) == (guard.weights, guard.centre, guard.scale)
    assert other.threshold > 2 * guard.threshold


def test_two_pairs_share_nothing(guard: autoencoder.Autoencoder) -> None:
    other = fitted(seed=2, sign=-0.5)
    assert other != guard
    assert fitted() == guard


def test_a_row_with_a_missing_figure_is_refused(guard: autoencoder.Autoencoder) -> None:
    x = usual(4, 6)
    x[1, 0], x[2, 3] = np.nan, np.inf
    assert guard.accepts(x).tolist() == [True, False, False, True]
    assert np.isnan(guard.errors(x)[[1, 2]]).all()


def test_constant_features_are_no_fault() -> None:
    x = usual(600, 1)
    x[:, 2] = 5.0
    found = autoencoder.fit(x, SETTINGS, 0.3, 12, 5)
    assert found.accepts(x[:300]).mean() > 0.9


def test_a_saved_guard_judges_the_same_and_a_corrupt_one_is_refused(
    guard: autoencoder.Autoencoder, tmp_path: Path
) -> None:
    file = tmp_path / "guard.json"
    guard.save(file)
    assert autoencoder.Autoencoder.load(file) == guard
    file.write_text(file.read_text().replace("threshold", "threshole"))
    with pytest.raises(Degraded, match="corrupt or missing"):
        autoencoder.Autoencoder.load(file)
    with pytest.raises(ValueError, match=f"knows {WIDTH} features"):
        guard.errors(np.zeros((2, 3), np.float32))


def test_too_short_a_window_is_named() -> None:
    for rows in (0, 10, 100):
        with pytest.raises(TooShort, match="train on a longer window"):
            autoencoder.fit(usual(rows, 1), SETTINGS, 0.3, 12, 5)


def test_torch_is_left_as_it_was() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    fitted()
    with runtime.reproducible(), runtime.reproducible():
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_without_torch_or_gpu_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RefuseToStart, match=r"device to cpu"):
        runtime.require("a model", "cuda")
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(RefuseToStart, match=r"pip install 'freqpilot\[deep\]'"):
        fitted()
