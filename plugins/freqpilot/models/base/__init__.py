"""What all models share: the interface, windows, calibration, files."""
