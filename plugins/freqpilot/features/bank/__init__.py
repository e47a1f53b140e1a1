"""Features and indicators as formulas, and the banks that compute them."""
