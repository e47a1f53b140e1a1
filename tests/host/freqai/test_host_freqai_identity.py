"""The name of a kept model holds the whole pair, and a digest of the strategy and the model."""

from typing import Any

from freqpilot.host.freqai.identity import MARK, pair_name, source_digest, stamp


class One:
    def method(self) -> int:
        return 1


class Other(One):
    """Written in the same file, under another name."""


def test_two_stakes_of_one_coin_have_two_names() -> None:
    names = [pair_name(pair) for pair in ("BTC/USDT", "BTC/USDC", "BTC/USDT:USDT")]
    assert names == ["BTC_USDT", "BTC_USDC", "BTC_USDT_USDT"]


def test_a_digest_is_of_the_class_and_its_file() -> None:
    assert source_digest(One) == source_digest(One)
    assert source_digest(One) != source_digest(Other)


def test_a_stamp_replaces_the_one_before() -> None:
    config: dict[str, Any] = {"freqai": {"identifier": "mine"}}
    stamp(config, strategy="aaaa")
    assert config["freqai"]["identifier"] == f"mine{MARK}aaaa"
    stamp(config, model="bbbb")
    assert config["freqai"]["identifier"] == f"mine{MARK}aaaa-bbbb"
    stamp(config, strategy="cccc")
    assert config["freqai"]["identifier"] == f"mine{MARK}cccc"
