"""A FreqAI model with FreqAI's own data kitchen, without a running bot."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqpilot.host.freqai import columns


def stand(kind: type[Any], folder: Path) -> Any:
    """Return ``model``, an instance of ``kind`` that was not initialised, and its ``kitchen``."""
    config = {
        "freqai": {
            "feature_parameters": {"include_timeframes": ["1h"], "include_corr_pairlist": []},
            "data_split_parameters": {"test_size": 0.2},
        },
        "user_data_dir": folder,
        "timeframe": "1h",
        "freqpilot": {},
    }
    instance = kind.__new__(kind)
    instance.config = config
    instance.freqai_info = config["freqai"]
    instance.model_training_parameters = {}
    instance.live = False
    kitchen = FreqaiDataKitchen.__new__(FreqaiDataKitchen)
    kitchen.config, kitchen.freqai_config, kitchen.live = config, config["freqai"], False
    kitchen.data, kitchen.data_dictionary, kitchen.pair = {}, {}, "BTC/USDT"
    kitchen.label_list, kitchen.thread_count = [columns.LABEL], 1
    kitchen.unique_classes, kitchen.unique_class_list = {}, []
    return SimpleNamespace(model=instance, kitchen=kitchen)
