"""How fast the library is, beside others."""
