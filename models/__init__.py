"""Offline: click log -> sessions -> network -> training -> evaluation -> checkpoint."""
