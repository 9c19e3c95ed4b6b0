"""States in a real changelog that do not decode: their bytes are dead letters before anything overwrites them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from export.artifact import Artifact
from nextclick.dead_letters import DeadLetter, read_dead_letters
from tests.integration.harness import Stream, Worker, make_stream, running_worker, wait_until
from workers.events import OutgoingRecord
from workers.unreadable_states import UNREADABLE_STATE
from workers.user_state import decode_state

pytestmark = pytest.mark.broker

DAMAGED, NEWER, ABSENT = "damaged-user", "newer-user", "absent-user"
USERS = (DAMAGED, NEWER, ABSENT, "good-user")


def clicks_of(*users: str, round_number: int) -> list[dict[str, object]]:
    """One click of each user."""
    at_ms = 1_700_000_000_000 + round_number * 1_000
    return [{"user_id": user, "item_id": "item-01", "timestamp_ms": at_ms} for user in users]


def spoil(stream: Stream) -> dict[str, bytes]:
    """Write records behind the good ones that do not decode: one bit, or a version, from another nextclick."""
    partition_of = {record.key: record.partition for record in stream.read_all(stream.settings.changelog_topic)}
    good = stream.states()
    spoilt = {
        DAMAGED: good[DAMAGED][:-1] + bytes([good[DAMAGED][-1] ^ 1]),
        NEWER: b"\x02" + good[NEWER][1:],
        ABSENT: b"\x02" + good[ABSENT][1:],
    }
    topic = stream.settings.changelog_topic
    stream.send_records(
        [OutgoingRecord(topic, partition_of[user.encode()], user.encode(), value) for user, value in spoilt.items()]
    )
    return spoilt


def letters_of(stream: Stream) -> list[DeadLetter]:
    """The dead letters there are."""
    return [letter for letter in read_dead_letters(stream.settings) if letter is not None]


def values_by_key(letters: Sequence[DeadLetter]) -> Mapping[bytes | None, bytes | None]:
    """What each user's letter holds; one a user."""
    values = {letter.key: letter.value for letter in letters}
    assert len(values) == len(letters)
    return values


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_bytes_that_do_not_decode_outlive_the_state_that_overwrites_them(
    broker: str, tiny_artifact: Artifact, unique_name: Callable[[str], str], tmp_path: Path, store: str
) -> None:
    """Once each, however often the changelog is restored; who does not click again keeps his record in it."""
    stream = make_stream(
        broker,
        tiny_artifact.folder,
        unique_name(f"unreadable-{store}"),
        store=store,
        state_folder=tmp_path / "state",
    )
    stream.send(clicks_of(*USERS, round_number=0))
    with running_worker(stream, tmp_path) as worker:
        worker.wait_for_clicks(len(USERS))
        assert worker.stop() == 0
    spoilt = spoil(stream)

    with running_worker(stream, tmp_path) as worker:
        worker.wait_until_ready()
        wait_until(lambda: worker.metric("nextclick_states_set_aside") == 3)
        worker.kill()
    assert letters_of(stream) == []

    # RocksDB restores from the tail now: the spoilt records are behind it, and still in the store.
    with running_worker(stream, tmp_path) as worker:
        click_again(stream, worker, round_number=1)
        assert worker.metric("nextclick_unreadable_states_total") == 2
        click_again(stream, worker, round_number=2)
        assert worker.metric("nextclick_unreadable_states_total") == 2
        assert worker.stop() == 0
    with running_worker(stream, tmp_path) as worker:
        click_again(stream, worker, round_number=3)
        assert worker.metric("nextclick_unreadable_states_total") == 0

    letters = letters_of(stream)
    assert values_by_key(letters) == {user.encode(): spoilt[user] for user in (DAMAGED, NEWER)}
    assert {letter.reason for letter in letters} == {UNREADABLE_STATE}
    assert {letter.source.topic for letter in letters} == {stream.settings.changelog_topic}
    (newer,) = [letter for letter in letters if letter.key == NEWER.encode()]
    assert "codec version 2, this nextclick reads 1" in newer.detail
    states = stream.states()
    assert states[ABSENT] == spoilt[ABSENT]
    assert [decode_state(states[user]).clicks for user in (DAMAGED, NEWER, "good-user")] == [3, 3, 4]


def click_again(stream: Stream, worker: Worker, *, round_number: int) -> None:
    """Send one click more of all users but one, and wait until the worker has applied them."""
    worker.wait_until_ready()
    before = worker.clicks()["applied"]
    stream.send(clicks_of(DAMAGED, NEWER, "good-user", round_number=round_number))
    wait_until(lambda: worker.clicks()["applied"] == before + 3)
