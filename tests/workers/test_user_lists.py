"""Lists that are asked for: the ones that were published last, ranked beside the path of a click."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from export.artifact import Artifact
from export.runtime import ModelRuntime
from models.errors import ArtifactError
from tests.click_records import make_click
from tests.workers.click_runs import seeded
from tests.workers.fakes import MemoryRows, RecordingWriter
from tests.workers.pipelines import LISTS, clicks_with_everything, make_pipeline, run
from workers.ports import StateRow
from workers.user_lists import MOST_WAITING, ListsAreBusy, UserLists
from workers.user_state import decode_state, encode_state

ANN = (0, b"ann")


def make_lists(artifact: Artifact, runtime: ModelRuntime, *, exclude_seen: bool = False) -> UserLists:
    """Lists without a bias."""
    bias = np.zeros(artifact.manifest.item_count, np.float32)
    return UserLists(artifact, runtime, item_bias=bias, exclude_seen=exclude_seen, source_topic="clicks")


def ask(lists: UserLists, *asked: tuple[tuple[int, bytes], bytes | None]) -> list[dict[str, Any]]:
    """Ask for all of these at once."""

    async def together() -> list[bytes]:
        return await asyncio.gather(*(lists.list_of(user, record) for user, record in asked))

    return [json.loads(body) for body in asyncio.run(together())]


def list_bytes(body: bytes) -> tuple[bytes, bytes]:
    """A list's items and scores as they are written."""
    start, end = body.index(b'"items":'), body.index(b',"model_id"')
    items, _, scores = body[start:end].partition(b',"scores":')
    return items, scores


@pytest.mark.parametrize("exclude_seen", [False, True])
def test_whoever_asks_gets_the_list_that_was_published_last(
    featured_artifact: Artifact, featured_runtime: ModelRuntime, exclude_seen: bool
) -> None:
    """Items and scores byte for byte, for all users at once, more than a run takes, and for each alone."""
    store, broker = MemoryRows(), RecordingWriter()
    pipeline = make_pipeline(featured_artifact, featured_runtime, store=store, writer=broker, exclude_seen=exclude_seen)
    first, second = clicks_with_everything(seeded(3), 300)
    more = [make_click(f"user-{n}", f"item-{n % 30:02}", offset=1_000 + n).record for n in range(100)]
    run(pipeline, [*first, *second, *more])
    newest = {
        (record.partition, record.key): record.value
        for record in broker.of_topic(LISTS)
        if record.value and json.loads(record.value)["strategy"] != "single_click"
    }
    lists = make_lists(featured_artifact, featured_runtime, exclude_seen=exclude_seen)

    async def compare() -> None:
        users = list(store.rows)
        together = await asyncio.gather(*(lists.list_of(user, store.load(*user)) for user in users))
        alone = [await lists.list_of(user, store.load(*user)) for user in users]
        assert together == alone
        for user, body in zip(users, together, strict=True):
            published = newest[user]
            assert published is not None
            assert list_bytes(body) == list_bytes(published)
            given, expected = json.loads(body), json.loads(published)
            # Late clicks: a state stands for the newest time of its user, a list for its click's.
            assert given["source"].pop("timestamp_ms") >= expected["source"].pop("timestamp_ms")
            del expected["event_id"], expected["source"]["topic"], given["source"]["topic"]
            assert given == expected

    asyncio.run(compare())
    assert len(newest) == len(store.rows) > featured_artifact.manifest.ranking.rows_per_run


@pytest.mark.parametrize("record", [None, b"", b"\x02 newer"], ids=["no record", "damaged", "newer version"])
def test_a_user_of_whom_nothing_is_known_gets_the_popular_list(
    tiny_artifact: Artifact, runtime: ModelRuntime, record: bytes | None
) -> None:
    """As his next click would find him: without state."""
    (body,) = ask(make_lists(tiny_artifact, runtime), (ANN, record))
    assert body == {
        "schema_version": 1,
        "user_id": "ann",
        "items": [f"item-{number:02}" for number in range(10)],
        "scores": sorted(body["scores"], reverse=True),
        "model_id": tiny_artifact.manifest.model_id,
        "strategy": "popular",
        "source": None,
    }


def test_users_do_not_meet(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Nothing of who asked before is in the rows of who asks next; nothing of a state changes by being asked for."""
    states = some_states(tiny_artifact, runtime)
    before = dict(states)
    lists = make_lists(tiny_artifact, runtime)
    (expected,) = ask(make_lists(tiny_artifact, runtime), (ANN, states[ANN]))
    for _ in range(3):
        known, unknown, again = ask(lists, (ANN, states[ANN]), ((0, b"bob"), None), (ANN, states[ANN]))
        assert known == again == expected
        assert (unknown["user_id"], unknown["strategy"]) == ("bob", "popular")
    assert states == before


def some_states(artifact: Artifact, runtime: ModelRuntime) -> Mapping[tuple[int, bytes], bytes]:
    """The state of one user after two clicks."""
    store = MemoryRows()
    pipeline = make_pipeline(artifact, runtime, store=store, writer=RecordingWriter())
    run(pipeline, [make_click(item_id=item_id, offset=n).record for n, item_id in enumerate(("item-04", "item-05"))])
    return store.rows


def test_a_state_of_another_model_is_rebuilt(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """Each time that it is asked for: only a click writes it down."""
    record = some_states(tiny_artifact, runtime)[ANN]
    foreign = replace(decode_state(record), slots=(("0123456789abcdef", b"other tensors"),))
    lists = make_lists(tiny_artifact, runtime)
    (own,) = ask(lists, (ANN, record))
    for _ in range(2):
        (rebuilt,) = ask(lists, (ANN, encode_state(foreign)))
        assert rebuilt["strategy"] == "rebuilt"
        assert rebuilt["items"] == own["items"]


def test_who_finds_no_room_is_told(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """At once; those who are in get their lists, and who left is no harm to them."""
    lists = make_lists(tiny_artifact, runtime)

    async def crowd() -> None:
        waiting = [asyncio.create_task(lists.list_of((0, b"%d" % n), None)) for n in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(ListsAreBusy):
            await lists.list_of(ANN, None)
        waiting[7].cancel()
        answered = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answered].count(bytes) == MOST_WAITING - 1
        assert json.loads(await lists.list_of(ANN, None))["user_id"] == "ann"

    asyncio.run(crowd())


def test_a_model_that_fails_is_told_to_whoever_asked(
    tiny_artifact: Artifact, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next one is answered."""
    lists = make_lists(tiny_artifact, runtime)
    record = some_states(tiny_artifact, runtime)[ANN]

    def fail(*_: object) -> None:
        raise ArtifactError("rank.onnx does not run")

    with monkeypatch.context() as patched:
        patched.setattr(runtime, "rank", fail)
        with pytest.raises(ArtifactError, match="does not run"):
            ask(lists, (ANN, record))
    assert ask(lists, (ANN, record))[0]["strategy"] == "personal"


def test_the_records_are_only_read(tiny_artifact: Artifact, runtime: ModelRuntime) -> None:
    """There is no way from here into a store."""
    with pytest.raises(NotImplementedError):
        make_lists(tiny_artifact, runtime)._records.install([StateRow(0, b"ann", b"")], {})
