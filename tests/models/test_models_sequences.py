"""The sequence models keep every model's contract, and read the order of candles."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conformance import LABELS, NAMES, SEED, ModelContract, planted, window
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.models.base.window import known
from freqpilot.models.catalogue import SEQUENCES
from freqpilot.models.sequences import models, training
from freqpilot.settings import SequenceSettings

pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
TINY = SequenceSettings(length=2, hidden=8, epochs=6, batch=64, learning_rate=0.02, dropout=0.0)


@pytest.mark.proof  # by default the tests of every network below, and those of its context
class TestBiLSTM(ModelContract):
    model = models.BiLSTM(TINY)


class TestGRU(ModelContract):
    model = models.GRU(TINY)


@pytest.mark.proof
class TestCNNLSTM(ModelContract):
    model = models.CNNLSTM(TINY)


class TestPatchTransformer(ModelContract):
    model = models.PatchTransformer(TINY)


def test_every_sequence_model_is_under_the_contract() -> None:
    here = [value for value in globals().values() if isinstance(value, type)]
    cases = {
        case.model.name
        for case in here
        if issubclass(case, ModelContract) and case.__name__ != "ModelContract"
    }
    assert cases == set(SEQUENCES)


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_dropout_is_drawn_by_seed_and_torch_is_left_as_it_was(name: str) -> None:
    import torch

    made = type(SEQUENCES[name])(TINY.model_copy(update={"dropout": 0.4, "epochs": 2}))
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    rows = window(False)
    one = made.fit(rows, LABELS, SEED)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    assert made.fit(rows, LABELS, SEED) == one
    assert made.fit(rows, LABELS, SEED + 1) != one
    plain = type(made)(TINY.model_copy(update={"epochs": 2}))
    assert plain.fit(rows, LABELS, SEED) != one
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_ends_where_the_tail_denies_what_it_learns() -> None:
    """The tail tells the opposite of the rows before it: the untrained network is the best."""
    x, y, end = planted(False)
    tail = round(len(x) * (1 - LABELS.validation_share))
    y[tail:] *= -1.0
    ones = np.ones(len(x))
    found = models.GRU(TINY).fit(known(x, y, end, ones, ones, NAMES), LABELS, SEED)
    assert (found.core.raw(x[:50]) == 0.0).all(), "it says nothing, not even a drift"
    assert found.predict(x[:50]).confidence.max() < 0.55


def test_a_network_that_overstates_what_it_sees_is_kept_and_shrunk() -> None:
    """In the tail the relation holds a fifth as strongly, so the untrained network's squared error
    is less: what counts is that the forecasts agree."""
    x, y, end = planted(False)
    tail = round(len(x) * (1 - LABELS.validation_share))
    y[tail:] -= 0.8 * x[tail:, 0]
    ones = np.ones(len(x))
    found = models.GRU(TINY).fit(known(x, y, end, ones, ones, NAMES), LABELS, SEED)
    rows = slice(tail, len(x) - 4)
    raw = found.core.raw(x[rows])
    assert np.mean((raw - y[rows]) ** 2) > np.mean(y[rows] ** 2)
    assert np.corrcoef(raw, x[rows, 0])[0, 1] > 0.7
    assert found.head.factor < 0.5


def test_no_epoch_before_the_least_is_judged_and_patience_counts_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The agreement is best at once and falls from then on: epoch 3 is kept, 5 the last."""
    falling, rising = iter(np.linspace(0.9, 0.1, 9)), iter(np.linspace(0.1, 0.9, 9))
    whole = window(False)
    monkeypatch.setattr(training, "agreement", lambda found, part: next(falling))
    long = TINY.model_copy(update={"epochs": 9, "least_epochs": 3, "patience": 2})
    found = models.GRU(long).fit(whole, LABELS, SEED)
    assert next(falling) == pytest.approx(0.6), "three epochs were judged"
    monkeypatch.setattr(training, "agreement", lambda found, part: next(rising))
    third = models.GRU(TINY.model_copy(update={"epochs": 3, "least_epochs": 9}))
    assert third.fit(whole, LABELS, SEED).core == found.core
    assert next(rising) == pytest.approx(0.2), "of three epochs the last is judged"


@given(st.integers(0, 2**32), st.floats(0.01, 100.0), st.floats(-10.0, 10.0))
def test_agreement_counts_no_scale_and_no_level(seed: int, scale: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    found, part = rng.standard_normal(30), training.Part(None, *rng.random((2, 30)))
    once = training.agreement(found, part)
    assert -1.0 <= once <= 1.0
    assert training.agreement(scale * found + level, part) == pytest.approx(once, abs=1e-9)
    assert training.agreement(-found, part) == pytest.approx(-once)
    assert training.agreement(part.y, part) == pytest.approx(1.0)
    part.weights[3:7] = 0.0
    kept = training.agreement(found, part)
    found[3:7] = 50.0
    assert training.agreement(found, part) == pytest.approx(kept)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_network_that_broke_agrees_with_nothing(broken: float) -> None:
    part = training.Part(None, np.arange(4.0), np.ones(4))
    assert training.agreement(np.array([0.0, 1.0, 2.0, broken]), part) == 0.0
    assert training.agreement(np.ones(4), part) == 0.0
    assert training.agreement(np.arange(4.0), part._replace(weights=np.zeros(4))) == 0.0


def test_threads_that_train_at_once_do_not_disturb_each_other() -> None:
    rows = window(False)
    made = models.GRU(TINY)
    alone = made.fit(rows, LABELS, SEED)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(made.fit, rows, LABELS, SEED) for _ in range(2)]
        assert all(job.result() == alone for job in both)
