"""Prequential evaluation: every recorded click against the list that its user had, then learnt from."""
