"""Sequence models in torch behind the common interface; the extra ``freqpilot[deep]``."""
