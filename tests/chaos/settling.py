"""Waits until every click is processed: the group has committed behind the newest acknowledged one."""

import time
from collections.abc import Callable, Mapping

from kafka import KafkaConsumer, TopicPartition


def unprocessed(bootstrap_servers: str, group: str, topic: str, ends: Mapping[int, int]) -> dict[int, int]:
    """Return how many records of each partition the group has not committed yet; only partitions with any."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers.split(","), group_id=group, enable_auto_commit=False)
    try:
        committed = {number: consumer.committed(TopicPartition(topic, number)) or 0 for number in ends}
    finally:
        consumer.close()
    return {number: end - committed[number] for number, end in ends.items() if committed[number] < end}


def wait_until_processed(
    bootstrap_servers: str,
    group: str,
    topic: str,
    ends: Mapping[int, int],
    *,
    timeout_s: float,
    meanwhile: Callable[[], None],
) -> dict[int, int]:
    """Wait until nothing is unprocessed, or time is up; return what is.

    Args:
        bootstrap_servers: The brokers.
        group: The workers' consumer group.
        topic: The click topic.
        ends: The offset behind the newest click of each partition.
        timeout_s: How long to wait without any progress.
        meanwhile: Called before every look.
    """
    left = dict(ends)
    deadline = time.monotonic() + timeout_s
    while left and time.monotonic() < deadline:
        meanwhile()
        time.sleep(0.5)
        now_left = unprocessed(bootstrap_servers, group, topic, ends)
        if now_left != left:
            deadline = time.monotonic() + timeout_s
        left = now_left
    return left
