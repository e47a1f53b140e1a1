"""Whether the market is fit for an entry: spread, depth, price, shocks, age."""
