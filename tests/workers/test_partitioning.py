import pytest
from kafka.partitioner import murmur2

from workers.partitioning import partition_of


@pytest.mark.parametrize(
    ("key", "java"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_murmur2_is_javas(key: bytes, java: int) -> None:
    """The hashes that Kafka's own test of it names; the sign is masked."""
    for partitions in (1, 3, 8, 1_000):
        assert partition_of(key, partitions, "murmur2") == (java & 0x7FFFFFFF) % partitions


def test_murmur2_is_that_of_another_client() -> None:
    """kafka-python's, of keys of all lengths and of more than ASCII."""
    for number in range(200):
        key = ("é" * (number % 7) + "x" * number).encode() or b"-"
        assert partition_of(key, 250, "murmur2") == (murmur2(key) & 0x7FFFFFFF) % 250


@pytest.mark.parametrize(("partitions", "expected"), [(1, 0), (8, 0xCBF43926 % 8), (1_000, 0xCBF43926 % 1_000)])
def test_crc32_is_librdkafkas(partitions: int, expected: int) -> None:
    """The checksum of 123456789 is the one that every description of CRC-32 gives."""
    assert partition_of(b"123456789", partitions, "crc32") == expected
