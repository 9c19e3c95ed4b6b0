"""From the scores of any model to figures with intervals."""
