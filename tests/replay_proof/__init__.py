"""The proof of replay, as a user would see it: all commands on real clicks, a real worker's lists."""
