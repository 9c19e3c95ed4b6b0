"""Explicit feedback: which rating a user gives next, and how far a prediction is from it.

The protocol, for every model alike: ratings in order of time, cut at a moment. Each rating after the cut is predicted
from the ratings before the cut and from what the same user has rated since; nobody else's later ratings are seen. A
user who begins after the cut is a stranger at his first rating and known at his tenth, as on a stream.

Legend: N ratings, P of them after the cut, U users, V items, D factors.
"""
