"""Offline baselines: what a leaderboard sets networks against, counted and not learned by gradients.

Each file has one of them: a frozen struct of its settings, whose `fit` returns a `models.evaluation.scorer.Scorer`.
"""
