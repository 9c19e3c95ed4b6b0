"""`nextclick demo`: everything there is, once, on real clicks; `run.py` is the list of what it does."""
