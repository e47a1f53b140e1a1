"""The coins that texts are searched for. A user's own stand in ``freqpilot.facts.text.assets``."""

from typing import NamedTuple


class Coin(NamedTuple):
    """How a coin is written.

    ``names`` mean nothing else and count in any case. ``proper`` names are words as well: they
    count with a capital and where something of crypto stands near. ``word``: the ticker is an
    ordinary word or name, so it needs a cashtag, capitals or a word like *token* behind it;
    ``capitals`` False: not even capitals are enough.
    """

    names: tuple[str, ...] = ()
    proper: tuple[str, ...] = ()
    word: bool = False
    capitals: bool = True
    addresses: tuple[str, ...] = ()


COINS: dict[str, Coin] = {
    "BTC": Coin(("bitcoin", "bitcoins", "xbt")),
    "ETH": Coin(("ethereum", "ether")),
    "BNB": Coin(("binance coin", "bnb chain", "binance smart chain")),
    "SOL": Coin(("solana",), word=True),
    "XRP": Coin(("xrp ledger", "xrpl"), ("ripple",)),
    "ADA": Coin(("cardano",), word=True),
    "DOGE": Coin(("dogecoin",)),
    "TRX": Coin((), ("tron",)),
    "TON": Coin(("toncoin", "the open network"), word=True),
    "AVAX": Coin((), ("avalanche",)),
    "SHIB": Coin(
        ("shiba inu", "shibarium"), addresses=("0x95aD61b0a150d79219dCF64E1E6Cc01f0B64C4cE",)
    ),
    "DOT": Coin(("polkadot",), word=True),
    "LINK": Coin(
        ("chainlink",), word=True, addresses=("0x514910771AF9Ca656af840dff83E8264EcF986CA",)
    ),
    "BCH": Coin(("bitcoin cash",)),
    "BSV": Coin(("bitcoin sv",)),
    "NEAR": Coin(("near protocol",), word=True),
    "SUI": Coin((), ("sui",), word=True),
    "LTC": Coin(("litecoin",)),
    "UNI": Coin(("uniswap",), word=True, addresses=("0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984",)),
    "PEPE": Coin(
        ("pepe coin", "pepecoin"),
        ("pepe",),
        word=True,
        addresses=("0x6982508145454Ce325dDbE47a25d4ec3d2311933",),
    ),
    "APT": Coin((), ("aptos",), word=True),
    "ICP": Coin(("internet computer",)),
    "ETC": Coin(("ethereum classic",)),
    "XLM": Coin(("stellar lumens",), ("stellar",)),
    "XMR": Coin(("monero",)),
    "ATOM": Coin(("cosmos hub",), ("cosmos",), word=True),
    "FIL": Coin(("filecoin",)),
    "HBAR": Coin(("hedera", "hedera hashgraph")),
    "VET": Coin(("vechain",), word=True),
    "ARB": Coin((), ("arbitrum",)),
    "OP": Coin(
        ("optimism network", "optimism mainnet", "optimism foundation", "optimism token"),
        word=True,
        capitals=False,
    ),
    "POL": Coin((), word=True, capitals=False),
    "MATIC": Coin((), ("polygon",)),
    "INJ": Coin((), ("injective",)),
    "AAVE": Coin((), addresses=("0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9",)),
    "MKR": Coin(
        ("makerdao",), ("maker",), addresses=("0x9f8F72aA9304c8B593d555F12eF6589cC3A579A2",)
    ),
    "COMP": Coin((), word=True, capitals=False),
    "CRV": Coin(("curve finance", "curve dao")),
    "SNX": Coin(("synthetix",)),
    "GRT": Coin((), word=True, capitals=False),
    "ALGO": Coin(("algorand",), word=True),
    "XTZ": Coin(("tezos",)),
    "EOS": Coin(),
    "NEO": Coin((), ("neo",), word=True),
    "FTM": Coin((), ("fantom",)),
    "SAND": Coin((), word=True),
    "MANA": Coin(("decentraland",), word=True),
    "AXS": Coin(("axie infinity",)),
    "APE": Coin(("apecoin",), word=True),
    "LUNA": Coin((), ("terra",), word=True),
    "ONE": Coin(("harmony one",), word=True, capitals=False),
    "FLOW": Coin((), word=True),
    "GAS": Coin((), word=True, capitals=False),
    "TIA": Coin((), ("celestia",)),
    "SEI": Coin((), ("sei",), word=True),
    "STX": Coin((), ("stacks",)),
    "RUNE": Coin(("thorchain",), word=True),
    "BONK": Coin(addresses=("DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263",)),
    "WIF": Coin(("dogwifhat",), addresses=("EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm",)),
    "FLOKI": Coin(("floki inu",)),
    "ENS": Coin(("ethereum name service",)),
    "LDO": Coin(("lido dao", "lido finance"), ("lido",)),
    "CAKE": Coin(("pancakeswap",), word=True),
    "SUSHI": Coin(("sushiswap",), word=True),
    "BAT": Coin(("basic attention token",), word=True),
    "ZEC": Coin(("zcash",)),
    "DASH": Coin((), word=True),
    "CELO": Coin(),
    "IMX": Coin(("immutable x",)),
    "WLD": Coin(("worldcoin",)),
    "HYPE": Coin(("hyperliquid",), word=True, capitals=False),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BEHIND = _words(
    "protocol network token tokens coin coins blockchain foundation ecosystem mainnet testnet "
    "labs holders staking stakers validators dapp dapps chain wallet"
)
"""What makes a coin of the word before it."""
CRYPTO = BEHIND | _words(
    "crypto cryptocurrency cryptocurrencies altcoin altcoins defi nft nfts dex dao airdrop whale "
    "whales exchange exchanges binance coinbase kraken onchain web3 stablecoin stablecoins sec "
    "cftc etf memecoin memecoins hodl bullish bearish tvl validator sidechain rollup l1 l2 "
    "layer ledger bridge swap liquidity yield mining miner miners hashrate halving price usdt usdc"
)
"""What makes the words around it a text about coins."""
