"""Client order ids: read back as they were written, and nothing foreign taken for ours."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.execution.ids import (
    LONGEST,
    SENT_PURPOSES,
    OrderName,
    client_order_id,
    parse_client_order_id,
    plain_order_id,
)

NAME = OrderName("3f9a12c4", "12", "exit", 1)

names = st.builds(
    OrderName,
    bot=st.from_regex(r"\A[0-9a-z]{8}\Z"),
    trade=st.builds("{}{}".format, st.sampled_from(["", "n"]), st.integers(0, 10**8)),
    purpose=st.sampled_from(SENT_PURPOSES),
    sequence=st.integers(0, 10**5),
)


@given(name=names)
def test_a_name_is_read_back(name: OrderName) -> None:
    text = client_order_id(name)
    assert parse_client_order_id(text) == name
    assert len(text) <= LONGEST
    # what Binance takes for newClientOrderId
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", text)


@given(name=names)
def test_the_plain_spelling_is_read_back(name: OrderName) -> None:
    """OKX takes at most 32 letters and digits (https://www.okx.com/docs-v5/en, clOrdId)."""
    text = plain_order_id(client_order_id(name))
    assert re.fullmatch(r"[a-zA-Z0-9]{1,32}", text)
    assert parse_client_order_id(text) == name


@pytest.mark.parametrize("text", ["", "mine", "fq3f9a12c412X", "fq-3f9a12c4-12-gift-1"])
def test_what_is_no_name_has_no_plain_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="no client order id"):
        plain_order_id(text)


@given(first=names, second=names)
def test_two_orders_have_two_names(first: OrderName, second: OrderName) -> None:
    assert (client_order_id(first) == client_order_id(second)) == (first == second)


def test_the_form_is_fixed() -> None:
    """Ids of an earlier version must still be read after an upgrade."""
    assert client_order_id(NAME) == "fq-3f9a12c4-12-exit-1"
    assert client_order_id(NAME._replace(trade="n3", purpose="entry")) == "fq-3f9a12c4-n3-entry-1"
    assert plain_order_id("fq-3f9a12c4-n3-entry-1") == "fq3f9a12c4n3E1"
    assert parse_client_order_id("fq3f9a12c4n3Z1") is None


@pytest.mark.parametrize(
    "change",
    [
        {"bot": "3F9A12C4"},
        {"bot": "3f9a12c"},
        {"bot": "3f9a12c4d"},
        {"bot": ""},
        {"trade": ""},
        {"trade": "x1"},
        {"trade": "1-2"},
        {"purpose": "gift"},
        {"sequence": -1},
        {"trade": "1" * 18},
    ],
)
def test_what_cannot_be_read_back_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bot's name|client order id"):
        client_order_id(NAME._replace(**change))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "fq-3f9a12c4-12-exit",
        "fq-3f9a12c4-12-gift-1",
        "fq-3f9a12c4-12-exit-1 ",
        "xfq-3f9a12c4-12-exit-1",
        "fq-3F9A12C4-12-exit-1",
        "fq-3f9a12c4-m12-exit-1",
        "fq-3f9a12c4-12-exit-01",
        "fq-3f9a12c4-１２-exit-1",
        "web_0123456789abcdef",
        "x-TKT5PX2F3f9a12c412exit1",
    ],
)
def test_a_foreign_id_is_not_ours(text: str | None) -> None:
    assert parse_client_order_id(text) is None


@given(text=st.text(max_size=40))
def test_any_text_can_be_asked(text: str) -> None:
    name = parse_client_order_id(text)
    assert name is None or client_order_id(name) == text
