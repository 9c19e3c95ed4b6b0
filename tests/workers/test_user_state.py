import re
import struct
import zlib
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import StateRecordError
from workers.user_state import (
    CODEC_VERSION,
    HEAD_DTYPE,
    RING_DTYPE,
    UserState,
    checked_last_offset,
    decode_state,
    encode_state,
    hash_session_id,
    is_ahead,
    last_offset_of,
    ring_entries,
)

MODEL_ID = "0123456789abcdef"

U64 = st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
STATES = st.builds(
    UserState,
    source_partition=st.integers(-(2**31), 2**31 - 1),
    last_offset=I64,
    updated_at_ms=I64,
    clicks=U64,
    session_hash=U64,
    session_clicks=st.integers(0, 2**32 - 1),
    ring=st.integers(0, 8).flatmap(lambda entries: st.binary(min_size=16 * entries, max_size=16 * entries)),
    slots=st.lists(st.tuples(st.binary(min_size=8, max_size=8).map(bytes.hex), st.binary(max_size=64)), max_size=3).map(
        tuple
    ),
)


def make_state(*, ring: bytes = b"", slots: tuple[tuple[str, bytes], ...] = ((MODEL_ID, b"tensors!"),)) -> UserState:
    """A state of which every number can be found again in its record."""
    return UserState(
        source_partition=3,
        last_offset=1_000,
        updated_at_ms=1_714_521_600_000,
        clicks=7,
        session_hash=0xAABBCCDDEEFF0011,
        session_clicks=2,
        ring=ring,
        slots=slots,
    )


def with_checksum(body: bytes) -> bytes:
    """A record whose checksum holds, whatever its body says."""
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_the_record_of_version_1_is_these_bytes() -> None:
    """Records outlive releases: a change of layout is a new version, never another version 1."""
    ring = struct.pack("<QqQq", 0x1111111111111111, 5, 0x2222222222222222, -6)
    assert encode_state(make_state(ring=ring)).hex(" ", -4) == (
        "01030000 00e80300 00000000 00007073 318f0100 00070000 00000000 001100ff eeddccbb aa020000 00020011 11111111 "
        "11111105 00000000 00000022 22222222 222222fa ffffffff ffffff01 01234567 89abcdef 08000000 74656e73 6f727321 "
        "e0bd28ac"
    )


@given(STATES)
def test_a_record_decodes_to_its_state(state: UserState) -> None:
    """Every state survives its record, and one state has one record."""
    record = encode_state(state)
    assert decode_state(record) == state
    assert encode_state(decode_state(record)) == record
    assert last_offset_of(record) == checked_last_offset(record) == state.last_offset


@pytest.mark.parametrize("entries", [0, 3])
def test_every_truncation_is_refused(entries: int) -> None:
    """A record that lost its end is not the state of somebody with fewer clicks."""
    record = encode_state(make_state(ring=b"\x01" * 16 * entries))
    for size in range(len(record)):
        with pytest.raises(StateRecordError):
            decode_state(record[:size])
        with pytest.raises(StateRecordError):
            checked_last_offset(record[:size])


def test_every_flipped_bit_is_refused() -> None:
    """CRC32 sees any single damage, wherever it is: also in the version and in the checksum."""
    record = encode_state(make_state(ring=b"\x01" * 32))
    for position in range(len(record)):
        for bit in range(8):
            damaged = bytearray(record)
            damaged[position] ^= 1 << bit
            with pytest.raises(StateRecordError):
                decode_state(bytes(damaged))


@given(st.binary())
def test_no_bytes_raise_anything_else(record: bytes) -> None:
    """Whatever lies in the changelog, loading a state is a state or a StateRecordError."""
    with pytest.raises(StateRecordError):
        decode_state(record)


@given(st.binary(min_size=40))
def test_lengths_that_lie_under_a_good_checksum_are_refused(body: bytes) -> None:
    """Where the checksum holds, the record re-encodes to itself or is refused: nothing is cut off in silence."""
    record = with_checksum(bytes([CODEC_VERSION]) + body)
    try:
        state = decode_state(record)
    except StateRecordError:
        return
    assert encode_state(state) == record


@given(st.binary(min_size=40, max_size=90))
def test_a_record_is_checked_without_decoding_it_as_if_it_were_decoded(body: bytes) -> None:
    """A restore checks records and keeps their bytes: it refuses what a click would not be able to load."""
    record = with_checksum(bytes([CODEC_VERSION]) + body)
    try:
        decoded = decode_state(record)
    except StateRecordError as error:
        with pytest.raises(StateRecordError, match="^" + re.escape(str(error)) + "$"):
            checked_last_offset(record)
    else:
        assert checked_last_offset(record) == decoded.last_offset


def test_appended_bytes_are_refused_under_a_good_checksum() -> None:
    """A longer record is of a layout that this version does not know."""
    body = encode_state(make_state())[:-4]
    with pytest.raises(StateRecordError, match="its lengths add up to"):
        decode_state(with_checksum(body + b"more"))


def test_ring_longer_than_the_record_is_refused_under_a_good_checksum() -> None:
    """A count beyond the end reads nothing from somewhere else."""
    body = bytearray(encode_state(make_state(slots=()))[:-4])
    body[41:43] = (1_000).to_bytes(2, "little")
    with pytest.raises(StateRecordError, match="lengths"):
        decode_state(with_checksum(bytes(body)))


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_by_its_name(version: int) -> None:
    """The sentence says which version was found, not that the record was damaged."""
    body = bytes([version]) + encode_state(make_state())[1:-4]
    with pytest.raises(StateRecordError, match=f"codec version {version}, this nextclick reads 1"):
        decode_state(with_checksum(body))


def test_the_slot_of_a_model_is_found_by_its_id() -> None:
    """Another model's tensors are never handed out."""
    state = make_state(slots=((MODEL_ID, b"one"), ("fedcba9876543210", b"two")))
    assert state.slot("fedcba9876543210") == b"two"
    assert state.slot("ffffffffffffffff") is None


@given(STATES)
def test_the_columns_are_the_records_bytes(state: UserState) -> None:
    """The arena writes and reads heads and rings as arrays."""
    record = encode_state(state)
    (head,) = np.frombuffer(record, HEAD_DTYPE, count=1)
    assert head.tolist() == (
        CODEC_VERSION,
        state.source_partition,
        state.last_offset,
        state.updated_at_ms,
        state.clicks,
        state.session_hash,
        state.session_clicks,
        len(state.ring) // 16,
    )
    ring = np.frombuffer(record[HEAD_DTYPE.itemsize :], RING_DTYPE, count=int(head["ring_size"]))
    assert ring.tolist() == ring_entries(state.ring)


def test_the_largest_ring_that_the_layout_can_count_is_kept() -> None:
    """Its length is a u16."""
    state = make_state(ring=b"\x07" * 16 * 65_535)
    assert len(ring_entries(decode_state(encode_state(state)).ring)) == 65_535


def test_session_hashes_tell_sessions_apart() -> None:
    """0 is kept for clicks that name no session; an empty name is a name."""
    assert hash_session_id(None) == 0
    assert hash_session_id("s1") == int.from_bytes(blake2b(b"s1", digest_size=8).digest(), "little")
    assert len({hash_session_id(session_id) for session_id in (None, "", "s1", "s2", "é")}) == 5


def test_equal_states_have_equal_records() -> None:
    """A record is a function of the state: crash tests compare bytes."""
    assert encode_state(make_state()) == encode_state(replace(make_state()))


def state_at(offset: int) -> UserState:
    """A state whose newest click is at this offset."""
    return replace(make_state(), last_offset=offset)


@pytest.mark.parametrize(
    ("record", "ahead"),
    [
        (encode_state(state_at(9)), True),
        (encode_state(state_at(8)), False),
        (encode_state(state_at(7)), False),
        (b"", False),
        (b"x", False),
        (encode_state(state_at(9))[:-1], False),
        (b"\x02" + encode_state(state_at(9))[1:], False),
        (b"\xff" * 60, False),
    ],
)
def test_only_a_record_that_decodes_can_be_ahead(record: bytes, ahead: bool) -> None:
    """Of click 8: what damaged bytes seem to name counts for nothing."""
    assert is_ahead(record, 8) is ahead
