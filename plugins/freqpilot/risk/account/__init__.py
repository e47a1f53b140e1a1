"""The account over time: peak, losses, halts, deposits, tiers, sleeves; what they do to entries."""
