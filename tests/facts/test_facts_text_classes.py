"""Classes and batches of classifiers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.facts.text.classes import Order, batches, chances, order_of, ordered, scored
from freqpilot.facts.text.sentences import sentences


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=40)), st.integers(1, 9))
def test_every_text_is_in_one_batch(tokens: list[list[int]], size: int) -> None:
    seen = []
    longest = 0
    for batch in batches(tokens, 0, size):
        assert batch.ids.shape == batch.mask.shape
        assert len(batch.rows) <= size
        for row, ids, mask in zip(batch.rows.tolist(), batch.ids, batch.mask, strict=True):
            assert ids[mask == 1].tolist() == tokens[row]
            assert not ids[mask == 0].any()
            # Ones first: what is masked stands behind.
            assert (np.diff(mask) <= 0).all()
        assert batch.mask[:, -1].any()
        assert batch.ids.shape[1] >= longest
        longest = batch.ids.shape[1]
        seen += batch.rows.tolist()
    assert sorted(seen) == list(range(len(tokens)))


def test_classes_are_read_by_name() -> None:
    assert order_of({0: "positive", 1: "negative", 2: "neutral"}) == Order(1, 2, 0)
    assert order_of({0: "Bearish", 1: "Bullish"}) == Order(0, -1, 1)
    assert ordered(np.array([[0.2, 0.8]]), Order(0, -1, 1)).tolist() == [[0.2, 0.0, 0.8]]
    assert ordered(np.array([[0.1, 0.2, 0.7]]), Order(1, 2, 0)).tolist() == [[0.2, 0.7, 0.1]]
    for labels in (
        {0: "LABEL_0", 1: "LABEL_1"},
        {0: "positive", 1: "bullish"},
        {0: "positive", 1: "neutral"},
        {0: "positive", 2: "negative"},
        {},
    ):
        with pytest.raises(ValueError, match=r"config\.json"):
            order_of(labels)


def test_scores_are_numbers() -> None:
    found = chances(np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1, 0, 0], [1 / 3] * 3])
    assert scored(found)[0] == (-1.0, 1.0)
    with pytest.raises(ValueError, match="no number"):
        scored(np.full((1, 3), np.nan))


def test_sentences_are_of_all_classes() -> None:
    texts, labels = sentences()
    assert len(texts) == len(set(texts)) == len(labels)
    assert min(labels.count(each) for each in (-1, 0, 1)) >= 200
