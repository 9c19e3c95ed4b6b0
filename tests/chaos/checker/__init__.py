"""An independent checker: reads the topics, computes by its own means what they should hold, and says what differs.

**Invariant.** Nothing here imports nextclick, workers, export or models: a mistake of theirs must not be repeated here.
What the checker knows of them it knows from their documentation: the layout of the state record, the fields of a list,
the manifest, the rule of sessions.
"""
