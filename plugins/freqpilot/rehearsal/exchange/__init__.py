"""The stand-in exchange on loopback, spot and futures."""
