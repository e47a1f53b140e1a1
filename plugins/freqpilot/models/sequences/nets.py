"""The networks: (rows × candles × features) → (rows), all small, as their data is.

Sources: P. Zhou et al., Attention-Based Bidirectional Long Short-Term Memory Networks, 2016;
K. Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014 (GRU); T. Sainath et
al., Convolutional, Long Short-Term Memory, Fully Connected Deep Neural Networks, 2015; Y. Nie et
al., A Time Series is Worth 64 Words, 2023 (patches; here each holds all features, as the target
is one figure and not the features' own future).
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

HEADS = 4
LAYERS = 2
PATCHES = 8
"""Patches that a context is cut into, at most one a candle."""


class Dropout(nn.Module):
    """Dropout that draws from ``generator`` and not from torch's state, which others share."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with some figures at 0 and the others enlarged; as it is when serving."""
        if not self.training or not self.share or self.generator is None:
            return x
        drawn = torch.rand(x.shape, generator=self.generator, device=x.device)
        return x * (drawn >= self.share) / (1.0 - self.share)


class BiLSTMAttention(nn.Module):
    """A bidirectional LSTM; attention over its states beside the newest candle's."""

    def __init__(self, width: int, length: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(width, hidden // 2, batch_first=True, bidirectional=True)
        self.key, self.query = nn.Linear(hidden, hidden), nn.Linear(hidden, 1, bias=False)
        self.drop, self.out = Dropout(dropout), nn.Linear(2 * hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return means (n)."""
        states, _ = self.recurrent(x)
        share = torch.softmax(self.query(torch.tanh(self.key(states))), dim=1)
        found = torch.cat([(share * states).sum(dim=1), states[:, -1]], dim=1)
        out: Tensor = self.out(self.drop(found)).squeeze(-1)
        return out


class GRU(nn.Module):
    """A GRU; its last state."""

    def __init__(self, width: int, length: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = nn.GRU(width, hidden, batch_first=True)
        self.drop, self.out = Dropout(dropout), nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return means (n)."""
        states, _ = self.recurrent(x)
        out: Tensor = self.out(self.drop(states[:, -1])).squeeze(-1)
        return out


class CNNLSTM(nn.Module):
    """Two causal convolutions over three candles, an LSTM on them; its last state."""

    def __init__(self, width: int, length: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(width, hidden, 3), nn.Conv1d(hidden, hidden, 3)
        self.recurrent = nn.LSTM(hidden, hidden, batch_first=True)
        self.drop, self.out = Dropout(dropout), nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return means (n)."""
        seen = x.transpose(1, 2)
        for layer in (self.first, self.second):
            seen = torch.relu(layer(nn.functional.pad(seen, (2, 0))))
        states, _ = self.recurrent(seen.transpose(1, 2))
        out: Tensor = self.out(self.drop(states[:, -1])).squeeze(-1)
        return out


class Block(nn.Module):
    """Self-attention and a feed-forward part, each normed before and added after."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.mixed, self.joined = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.wide, self.narrow = nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens (n × tokens × hidden)."""
        rows, tokens, hidden = x.shape
        parts = self.mixed(self.before(x)).view(rows, tokens, 3, HEADS, hidden // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        share = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(hidden // HEADS), dim=-1)
        seen = (share @ value).transpose(1, 2).reshape(rows, tokens, hidden)
        x = x + self.drop(self.joined(seen))
        inner = nn.functional.gelu(self.wide(self.between(x)))
        out: Tensor = x + self.drop(self.narrow(inner))
        return out


class PatchTransformer(nn.Module):
    """A Transformer over patches of neighbouring candles; the mean of its tokens beside the one of
    the newest patch."""

    def __init__(self, width: int, length: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.patch = max(1, length // PATCHES)
        tokens = -(-length // self.patch)
        self.lead = tokens * self.patch - length
        self.embed = nn.Linear(self.patch * width, hidden)
        self.place = nn.Parameter(torch.zeros(tokens, hidden))
        self.blocks = nn.ModuleList(Block(hidden, dropout) for _ in range(LAYERS))
        self.norm, self.out = nn.LayerNorm(2 * hidden), nn.Linear(2 * hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return means (n)."""
        rows, _, width = x.shape
        whole = nn.functional.pad(x, (0, 0, self.lead, 0))
        tokens = self.embed(whole.reshape(rows, -1, self.patch * width)) + self.place
        for block in self.blocks:
            tokens = block(tokens)
        found = torch.cat([tokens.mean(dim=1), tokens[:, -1]], dim=1)
        out: Tensor = self.out(self.norm(found)).squeeze(-1)
        return out


NETS: Mapping[str, Callable[[int, int, int, float], nn.Module]] = {
    "bilstm": BiLSTMAttention,
    "gru": GRU,
    "cnn_lstm": CNNLSTM,
    "patch_transformer": PatchTransformer,
}


def blank(name: str, width: int, length: int, hidden: int, dropout: float = 0.0) -> nn.Module:
    """Return a network whose weights are not set; torch's random state is not moved.

    :param width: features a candle; ``length`` candles a row.
    """
    with torch.device("meta"):
        net = NETS[name](width, length, hidden, dropout)
    return net.to_empty(device="cpu")


def initialise(net: nn.Module, generator: torch.Generator) -> None:
    """Set all weights: Glorot's, biases 0 but 1 for an LSTM's forget gates; the output starts as 0
    for any row, so that a network that finds nothing says nothing, not even a drift."""
    for module in net.modules():
        for name, weight in module.named_parameters(recurse=False):
            if isinstance(module, nn.LayerNorm):
                nn.init.constant_(weight, 1.0 if name == "weight" else 0.0)
            elif weight.dim() > 1:
                nn.init.xavier_uniform_(weight, generator=generator)
            else:
                nn.init.zeros_(weight)
                if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                    quarter = len(weight) // 4
                    nn.init.ones_(weight.data[quarter : 2 * quarter])
        if isinstance(module, Dropout):
            module.generator = generator
    last = net.out
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
