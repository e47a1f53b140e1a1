"""Freqpilot turns Freqtrade into a supervised autonomous trading system.

Importing the package is cheap and has no effect on Freqtrade: the seams are put in place by
:mod:`freqpilot.host`, which Freqtrade itself loads through its ``log_config``.
"""

__version__ = "0.1.0"
