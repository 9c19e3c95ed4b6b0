"""Counts of what everyone clicks, decayed by event time: the same numbers offline and beside a stream of clicks."""
