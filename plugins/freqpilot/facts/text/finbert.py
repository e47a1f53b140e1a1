"""Sentiment by a BERT of one's choice, through transformers: FinBERT (Araci 2019) by default.

The weights come from a local folder or, pinned to a commit, from the Hugging Face hub. A model has
read texts up to its publication, so what it says of earlier ones it could not have said then:
``known_from`` is when it was published. ``freqpilot text export`` makes it faster, without torch.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text.classes import MOST_TOKENS, Order, batches, chances, order_of, ordered
from freqpilot.facts.text.classes import scored as scored_of
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.scorer import Scored
from freqpilot.shapes import Floats

NAME = "finbert"
MODEL = "ProsusAI/finbert"
REVISION = "4556d13015211d73dccd3fdd39d39232506f3e43"
PUBLISHED = datetime(2023, 5, 23, tzinfo=UTC)
"""When that repository last changed; its weights are older."""
NEEDED = ("transformers", "torch")
INSTALL = "pip install 'freqpilot[finbert]'"
_COMMIT = re.compile(r"[0-9a-f]{40}")


class FinBert:
    """A classifier with its tokenizer, in fp32 on the CPU.

    :param model: an ``AutoModelForSequenceClassification``.
    :raises ValueError: when its classes cannot be told from its config.
    """

    def __init__(self, model: Any, tokenizer: Any, published: datetime, name: str = NAME) -> None:
        self.order: Order = order_of(model.config.id2label)
        self.name, self.known_from = name, published
        self.model, self.tokenizer = model.eval(), tokenizer
        room = int(getattr(model.config, "max_position_embeddings", MOST_TOKENS))
        self.most = min(MOST_TOKENS, room)
        self.digest = digest_of(model, tokenizer, self.most)

    @property
    def version(self) -> str:
        """The digest's begin: other weights, tokens or classes are another version."""
        return self.digest[:8]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return (n, 3): how likely each text is negative, neutral, positive."""
        import torch

        found = np.zeros((len(texts), len(self.model.config.id2label)))
        for batch in batches(self.tokens(texts), self.pad):
            with torch.inference_mode():
                said = self.model(
                    input_ids=torch.from_numpy(batch.ids),
                    attention_mask=torch.from_numpy(batch.mask),
                ).logits
            found[batch.rows] = said.double().numpy()
        return ordered(chances(found), self.order)

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return P(positive) − P(negative), as sure as the likeliest class."""
        return scored_of(self.probabilities(texts))

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each cleaned text, at most ``most``."""
        if not texts:
            return []
        read = [clean(text) for text in texts]
        ids: list[list[int]] = self.tokenizer(read, truncation=True, max_length=self.most)[
            "input_ids"
        ]
        return ids

    @property
    def pad(self) -> int:
        """The id that fills a batch."""
        return int(self.tokenizer.pad_token_id or 0)


def digest_of(model: Any, tokenizer: Any, most: int) -> str:
    """Return a digest of weights, tokens, classes and length."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    words = backend.to_str() if backend is not None else str(sorted(tokenizer.get_vocab().items()))
    for part in (words, str(sorted(model.config.id2label.items())), str(most)):
        digest.update(part.encode())
    return digest.hexdigest()


def load(
    model: str = "",
    revision: str = "",
    published: datetime | None = None,
    *,
    name: str = NAME,
    download: bool = True,
) -> FinBert:
    """Load a model: of a local folder, or of the hub by its commit; empty is FinBERT's.

    :param download: False reads only what is on this machine.
    :raises RefuseToStart: when it cannot be had or used.
    """
    given, commit, published = source_of(model, revision, published)
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        where = {"revision": commit} if commit else {}
        options = {**where, "trust_remote_code": False, "local_files_only": not download}
        tokenizer = AutoTokenizer.from_pretrained(given, **options)
        found = AutoModelForSequenceClassification.from_pretrained(given, **options)
        return FinBert(found.float(), tokenizer, published, name)
    except ImportError as error:
        raise _unusable(given, f"{error}; {INSTALL}") from None
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _unusable(given, " ".join(str(error).split())[:300]) from None


def source_of(model: str, revision: str, published: datetime | None) -> tuple[str, str, datetime]:
    """Return what to load, its commit (empty for a folder) and when it was published.

    :raises RefuseToStart: for a model without a date, or one of the hub without a commit.
    """
    if not model or model == MODEL:
        own = not revision or revision == REVISION
        if not own and published is None:
            raise _undated(MODEL)
        return MODEL, _commit(MODEL, revision or REVISION), published or PUBLISHED
    if published is None:
        raise _undated(model)
    if Path(model).is_absolute():
        if not (Path(model) / "config.json").is_file():
            raise _unusable(model, "there is no config.json in that folder")
        return model, "", published
    return model, _commit(model, revision), published


def lacks(model: str, revision: str, published: datetime | None) -> str:
    """Return what is missing on this machine for a model, empty where nothing is; nothing is
    downloaded.

    :raises RefuseToStart: as :func:`source_of`.
    """
    from importlib.util import find_spec

    given, commit, _ = source_of(model, revision, published)
    if missing := [each for each in NEEDED if find_spec(each) is None]:
        return f"{' and '.join(missing)} missing: {INSTALL}"
    if commit:
        from huggingface_hub import try_to_load_from_cache

        if not isinstance(try_to_load_from_cache(given, "config.json", revision=commit), str):
            return f"{given} is not on this machine yet: the collector downloads it when it starts"
    return ""


def _commit(model: str, revision: str) -> str:
    if not _COMMIT.fullmatch(revision):
        raise _unusable(
            model,
            f"{revision or 'no revision'} is no commit: a name can point to other weights tomorrow;"
            " name the 40 hex digits as freqpilot.facts.text.revision",
        )
    return revision


def _undated(model: str) -> RefuseToStart:
    return _unusable(
        model,
        "when it was published is not said, and of texts before that it must say nothing; name the "
        "day as freqpilot.facts.text.known_from",
    )


def _unusable(model: str, why: str) -> RefuseToStart:
    return RefuseToStart(
        f"the model {model} cannot be used ({why}); texts are not scored, open trades are "
        'untouched. Mend that, or set freqpilot.facts.text.scorer to "lexicon"'
    )
