"""The sequence models keep every model's contract, and read the order of candles."""

import pytest
from conformance import ModelContract

from freqpilot.models.catalogue import SEQUENCES
from freqpilot.models.sequences import models
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
