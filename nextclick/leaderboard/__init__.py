"""`nextclick leaderboard`: models beside each other on the same test clicks. Read `run.py` first."""
