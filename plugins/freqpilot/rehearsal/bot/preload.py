"""What every bot process of a live rehearsal needs, imported once: they are forked from here.

The stop signals are blocked before a library starts its threads, and ``time.sleep`` is ours before
Freqtrade takes it by name; see :mod:`freqpilot.rehearsal.bot.run` and ``clock``.
"""

import signal

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})

from freqpilot.rehearsal.clock import install_sleep  # noqa: E402

install_sleep()

import ccxt.async_support  # noqa: E402, F401
import freqtrade.commands  # noqa: E402
import freqtrade.freqtradebot  # noqa: E402
import freqtrade.main  # noqa: E402
import freqtrade.plot.plotting  # noqa: E402
import freqtrade.rpc.api_server.webserver  # noqa: E402
import freqtrade.rpc.rpc_manager  # noqa: E402
import freqtrade.worker  # noqa: E402, F401

import freqpilot.host.account.begin  # noqa: E402
import freqpilot.host.frames.decided  # noqa: E402
import freqpilot.rehearsal.bot.remote  # noqa: E402
import freqpilot.rehearsal.bot.run  # noqa: E402
import freqpilot.rehearsal.bot.stepper  # noqa: E402, F401
