"""A trained network as text, and what it says of rows that carry their context."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from freqpilot.models.base.arrays import Weight, decode, encode
from freqpilot.models.base.runtime import reproducible, require
from freqpilot.models.base.scaling import scaled
from freqpilot.shapes import Floats, Floats32

FAR = 5.0
"""Scales beyond which a feature counts no further."""
ROWS = 128
"""Rows of each batch that is served, filled up: with as many rows, each is summed alike."""
STEPS = 16
"""Points on the way from the median candle at which gradients are taken."""


@dataclass(frozen=True)
class SequenceMean:
    """A network's name, size and weights, and the features' medians and scales.

    It is served on the CPU in float64 and rounded to float32, wherever it was trained: a row's
    figure then does not hang on how many others are asked for.
    """

    kind: ClassVar[str] = "sequence_mean"
    network: str
    length: int
    hidden: int
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[str, tuple[int, ...], str], ...]

    def raw(self, x: Floats32) -> Floats:
        """Return means (n) of rows of ``length`` candles, oldest first (n × length·k).

        :raises RefuseToStart: without torch.
        """
        require("a sequence model")
        z = self._scaled(x)
        out = np.empty(len(z))
        with reproducible() as torch, torch.inference_mode():
            net = self._net(torch)
            for begin in range(0, len(z), ROWS):
                part = z[begin : begin + ROWS]
                whole = np.zeros((ROWS, *z.shape[1:]))
                whole[: len(part)] = part
                out[begin : begin + ROWS] = net(torch.from_numpy(whole)).numpy()[: len(part)]
        return out.astype(np.float32).astype(np.float64)

    def leaning(self, x: Floats32) -> Floats:
        """Return integrated gradients from the median candle (n × length·k); what :data:`STEPS`
        points leave of the mean is shared in proportion (M. Sundararajan et al., Axiomatic
        Attribution for Deep Networks, 2017)."""
        require("a sequence model")
        z = self._scaled(x)
        out = np.empty(z.shape)
        at = (np.arange(STEPS) + 0.5) / STEPS
        with reproducible() as torch:
            net = self._net(torch)
            group = max(1, ROWS // STEPS)
            for begin in range(0, len(z), group):
                part = z[begin : begin + group]
                ways = torch.from_numpy(at[:, None, None, None] * part).flatten(0, 1)
                ways.requires_grad_(True)
                (slope,) = torch.autograd.grad(net(ways).sum(), ways)
                mean = slope.view(STEPS, *part.shape).mean(dim=0).numpy()
                out[begin : begin + group] = mean * part
        found = out.reshape(len(z), -1)
        base = np.tile(np.asarray(self.centre, np.float64), self.length)[None]
        gone = self.raw(x) - self.raw(base.astype(np.float32)) - found.sum(axis=1)
        size = np.abs(found) + 1e-12
        return np.asarray(found + gone[:, None] * size / size.sum(axis=1, keepdims=True))

    def content(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    def _scaled(self, x: Floats32) -> Floats:
        shape = (len(x), self.length, len(self.centre))
        return scaled(x.reshape(shape), np.asarray(self.centre), np.asarray(self.scale), FAR)

    def _net(self, torch: Any) -> Any:
        from freqpilot.models.sequences import nets

        net = nets.blank(self.network, len(self.centre), self.length, self.hidden)
        state = {weight[0]: torch.from_numpy(decode(weight).copy()) for weight in self.weights}
        net.load_state_dict(state)
        return net.double().eval().requires_grad_(False)


def weights_of(state: dict[str, Any]) -> tuple[Weight, ...]:
    """Return a state dict as text."""
    return tuple(encode(name, value.cpu().float().numpy()) for name, value in state.items())
