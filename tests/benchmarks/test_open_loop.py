import asyncio

import numpy as np
import pytest

from benchmarks.open_loop import OpenLoop, due_by, due_times
from benchmarks.writing import Record


class PausingProducer:
    """Takes records at once, except one."""

    def __init__(self, *, pauses_at: int, pause_s: float) -> None:
        self.sent: list[bytes | None] = []
        self._pauses_at = pauses_at
        self._pause_s = pause_s

    async def send(
        self, _topic: str, value: bytes | None, _key: bytes | None, partition: int
    ) -> "asyncio.Future[object]":
        """Take a record, after the pause where it is the one."""
        if len(self.sent) == self._pauses_at:
            await asyncio.sleep(self._pause_s)
        assert partition == 0
        self.sent.append(value)
        acknowledged: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged


def test_clicks_are_due_evenly_whatever_becomes_of_them() -> None:
    assert due_times(100.0, 4.0, 5).tolist() == [100.0, 100.25, 100.5, 100.75, 101.0]


@pytest.mark.parametrize(("now_s", "due"), [(99.9, 0), (100.0, 1), (100.24, 1), (100.25, 2), (101.0, 5), (200.0, 5)])
def test_how_many_are_due(now_s: float, due: int) -> None:
    assert due_by(now_s, 100.0, 4.0, 5) == due


def test_a_pause_makes_records_late_and_does_not_move_what_is_due() -> None:
    """The coordinated omission that is to be ruled out: what waited behind the pause counts as late, each for its own
    time.
    """
    records = [Record(0, b"key", b"%d" % number) for number in range(100)]
    producer = PausingProducer(pauses_at=20, pause_s=0.2)
    loop = OpenLoop(producer, "clicks", records, rate=200.0)
    asyncio.run(loop.send_all())

    assert producer.sent == [record.value for record in records]
    assert np.diff(loop.due_s) == pytest.approx(1 / 200)
    lateness_s = loop.handed_over_s - loop.due_s
    assert (lateness_s >= 0).all()
    # The record that met the pause waited for all of it, one that was due 100 ms later for the rest.
    assert lateness_s[20] >= 0.19
    assert lateness_s[40] >= 0.09
    assert lateness_s[40] < lateness_s[20]
