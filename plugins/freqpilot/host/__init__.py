"""The room that touches Freqtrade.

Freqtrade makes the handler of :mod:`freqpilot.host.log` because the pack's config names it in
``log_config``; that activates the seams. Nothing runs when a module is imported.
"""

from freqpilot.host.boot.doors import door_dir
from freqpilot.host.seams.activation import activate, active, require_active

__all__ = ["activate", "active", "door_dir", "require_active"]
