"""Gradient-boosted trees by LightGBM and XGBoost."""
