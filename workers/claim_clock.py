"""The clock by which claims of partitions are ordered: the consumer group's generation, and within it the wall clock.

Whoever takes a partition over has it in a later generation than all who had it before. So a claim of theirs that is
still on its way is below his, and ends nothing when it arrives. By wall clocks alone it would be above his where theirs
was ahead, and whatever he counted from then on would count nowhere.

Within a generation a partition has one owner; but one who comes back under his own name (`group_instance_id`) may get
it back in the same one. A group that was deleted counts its generations anew: then the epochs that stand in the topic
are the higher ones, and the next one goes on from them.
"""

# Kafka's generations are 31 bits, epochs 63: seconds until 2106.
_SECONDS_BITS = 32


def claim_time(generation: int, now_ms: int) -> int:
    """Return the moment of a claim: later generations lie above all moments of earlier ones."""
    return generation << _SECONDS_BITS | now_ms // 1_000


def outside_any_group() -> int:
    """Return the generation of whoever computes lists and counts nothing."""
    return 0
