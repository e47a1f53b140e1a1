"""The sequence models keep every model's contract, and read the order of candles."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conformance import LABELS, NAMES, SEED, ModelContract, planted, window

from freqpilot.models.catalogue import SEQUENCES
from freqpilot.models.sequences import models
from freqpilot.models.window import known
from freqpilot.settings import SequenceSettings

pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
TINY = SequenceSettings(length=2, hidden=8, epochs=6, batch=64, learning_rate=0.02, dropout=0.0)


class TestBiLSTM(ModelContract):
    model = models.BiLSTM(TINY)


class TestGRU(ModelContract):
    model = models.GRU(TINY)


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
    given = window(False)
    one = made.fit(given, LABELS, SEED)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    assert made.fit(given, LABELS, SEED) == one
    assert made.fit(given, LABELS, SEED + 1) != one
    plain = type(made)(TINY.model_copy(update={"epochs": 2}))
    assert plain.fit(given, LABELS, SEED) != one
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_training_ends_where_the_tail_denies_what_it_learns() -> None:
    """The tail tells the opposite of the rows before it: the untrained network is the best."""
    x, y, end = planted(False)
    tail = round(len(x) * (1 - LABELS.validation_share))
    y[tail:] *= -1.0
    ones = np.ones(len(x))
    found = models.GRU(TINY).fit(known(x, y, end, ones, ones, NAMES), LABELS, SEED)
    assert np.ptp(found.core.raw(x[:50])) == 0.0
    assert found.predict(x[:50]).confidence.max() < 0.55


def test_threads_that_train_at_once_do_not_disturb_each_other() -> None:
    given = window(False)
    made = models.GRU(TINY)
    alone = made.fit(given, LABELS, SEED)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(made.fit, given, LABELS, SEED) for _ in range(2)]
        assert all(job.result() == alone for job in both)
