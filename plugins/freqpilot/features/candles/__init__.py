"""Columns that are made from candles of other pairs, periods or sides."""
