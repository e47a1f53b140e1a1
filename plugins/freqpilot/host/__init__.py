"""The room that touches Freqtrade.

Freqtrade makes the handler of :mod:`freqpilot.host.log` because the pack's config names it in
``log_config``; that activates the seams. Nothing runs when a module is imported.
"""
