"""Mixed precision on the CPU: but for the name of the device it is what a GPU runs."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conformance import LABELS, SEED, planted, window

from freqpilot.models.base.arrays import decode
from freqpilot.models.base.fitted import Fitted
from freqpilot.models.catalogue import CORES, SEQUENCES
from freqpilot.models.sequences import nets, precision, training
from freqpilot.models.sequences.precision import Descent, Precision, computes, precision_of
from freqpilot.models.sequences.training import Part
from freqpilot.settings import SequenceSettings

torch = pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
TINY = SequenceSettings(length=2, hidden=8, epochs=6, batch=64, learning_rate=0.005, dropout=0.0)
RECURRENT = pytest.mark.skipif(
    not computes(torch, "bfloat16"), reason="this processor has no LSTM in bfloat16"
)
LOW: list[Any] = [
    pytest.param(name, Precision("bfloat16"), marks=RECURRENT if name == "bilstm" else ())
    for name in sorted(SEQUENCES)
]
# Not each processor has an LSTM in float16.
SCALED = Precision("float16", scaled=True)
LOW += [("gru", SCALED), pytest.param("patch_transformer", SCALED, marks=pytest.mark.proof)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several threads wait busily for one another where other tests run beside them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def part(rows: int = 512, seed: int = 1) -> Part:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, TINY.length, 5)).astype(np.float32)
    y = x[:, -1, 0] + 0.5 * rng.standard_normal(rows)
    return Part(x, y.astype(np.float64), np.ones(rows))


def descent(name: str, precision: Precision) -> tuple[Any, Descent]:
    net = nets.blank(name, 5, TINY.length, TINY.hidden)
    nets.initialise(net, torch.Generator().manual_seed(SEED))
    steps = torch.optim.AdamW(net.parameters(), lr=0.01)
    return net, Descent(torch, net, steps, "cpu", precision)


def tensors(given: Part) -> list[Any]:
    return [torch.from_numpy(np.asarray(column, np.float32)) for column in given]


@pytest.mark.parametrize(("name", "precision"), LOW)
def test_the_loss_falls_and_the_weights_stay_float32(name: str, precision: Precision) -> None:
    net, step = descent(name, precision)
    seen = []
    net.out.register_forward_hook(lambda layer, given, found: seen.append(found.dtype))
    losses = [float(step(*tensors(part()))) for _ in range(40)]
    assert set(seen) == {getattr(torch, precision.products)}, "the products are the low ones"
    assert losses[-1] < 0.6 * losses[0]
    assert all(w.dtype == w.grad.dtype == torch.float32 for w in net.parameters())
    assert all(torch.isfinite(w).all() for w in net.parameters())


@pytest.mark.parametrize(("name", "precision"), LOW)
def test_a_network_of_mixed_precision_forecasts_nearly_what_float32_does(
    name: str, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y, _ = planted(False, seed=2)
    made, rows = type(SEQUENCES[name])(TINY), window(False)
    one = made.fit(rows, LABELS, SEED).predict(x).mean
    monkeypatch.setattr("freqpilot.models.sequences.precision.computes", lambda *_: True)
    if precision.scaled:
        monkeypatch.setattr(training, "precision_of", lambda *given: precision)
    else:
        made = type(made)(TINY.model_copy(update={"precision": precision.products}))
    mixed = made.fit(rows, LABELS, SEED)
    assert mixed == made.fit(rows, LABELS, SEED), "by seed"
    arrays = [decode(weight) for weight in mixed.core.weights]
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays)
    other = mixed.predict(x).mean
    assert 0.0 < np.abs(one - other).mean() < 0.2 * np.std(one)
    assert np.corrcoef(other[:-4], y[:-4])[0, 1] > 0.5
    again = Fitted.of_content(json.loads(json.dumps(mixed.content())), CORES)
    np.testing.assert_array_equal(again.predict(x).mean, other)


def test_scaling_the_loss_changes_no_step() -> None:
    """The scale is a power of two, and is taken off before the gradient's norm is limited."""
    pairs = [descent("gru", Precision(scaled=scaled)) for scaled in (False, True)]
    for _, step in pairs:
        for _ in range(5):
            step(*tensors(part()))
    for one, other in zip(*(net.parameters() for net, _ in pairs), strict=True):
        assert torch.equal(one, other)


def test_a_scaled_gradient_that_broke_makes_no_step() -> None:
    net, step = descent("gru", Precision("float16", scaled=True))
    x, y, weights = tensors(part())
    step(x, y, weights)
    before, scale = [w.detach().clone() for w in net.parameters()], step.scaler.get_scale()
    step(x, y, weights * torch.inf)
    assert all(torch.equal(w, b) for w, b in zip(net.parameters(), before, strict=True))
    assert step.scaler.get_scale() == scale / 2
    step(x, y, weights)
    assert not all(torch.equal(w, b) for w, b in zip(net.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("device", "asked", "native", "expected"),
    [
        ("cpu", "auto", True, Precision("float32")),
        ("cpu", "bfloat16", False, Precision("bfloat16")),
        ("cuda", "auto", True, Precision("bfloat16", scaled=True)),
        ("cuda", "auto", False, Precision("float16", scaled=True)),
        ("cuda", "bfloat16", False, Precision("bfloat16", scaled=True)),
        ("cuda", "float32", True, Precision("float32")),
    ],
)
def test_the_precision_is_that_of_the_device(
    device: str, asked: str, native: bool, expected: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation
    )
    monkeypatch.setattr(precision, "computes", lambda *_: True)
    settings = SequenceSettings(device=device, precision=asked)
    assert precision_of(torch, settings) == expected


def test_a_processor_without_such_layers_trains_in_float32_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lacks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("could not create a primitive descriptor")

    asked = TINY.model_copy(update={"precision": "bfloat16"})
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn, "LSTM", lacks)
        assert not computes(torch, "bfloat16")
        assert precision_of(torch, asked) == Precision("float32")
    assert "trained in float32" in caplog.text
