"""The search for settings: a space of configurations, an Optuna study over it, and what came of it."""
