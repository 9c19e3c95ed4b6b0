"""Which partition a producer picks for a key: what a click's key is for, asked by who has no click."""

import zlib
from typing import Literal

from aiokafka.partitioner import DefaultPartitioner

Partitioner = Literal["murmur2", "crc32"]


def partition_of(user_key: bytes, partitions: int, partitioner: Partitioner) -> int:
    """Return the partition that a producer picks for a key.

    Args:
        user_key: At least one byte.
        partitions: Of the topic.
        partitioner: `murmur2` of the Java, the kafka-python and the aiokafka client; `crc32` of librdkafka.
    """
    if partitioner == "crc32":
        return zlib.crc32(user_key) % partitions
    everyone = list(range(partitions))
    partition: int = DefaultPartitioner()(user_key, everyone, everyone)
    return partition
