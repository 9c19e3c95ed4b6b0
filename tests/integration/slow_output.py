"""A worker whose lists are acknowledged late, as by a slow output topic: `python -m tests.integration.slow_output`."""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from workers import app
from workers.events import OutgoingRecord
from workers.ports import Acknowledgement
from workers.record_batches import RecordBatchWriter

ACKNOWLEDGED_AFTER_S = 0.8
COMMAND = (sys.executable, "-m", "tests.integration.slow_output")


def slow_down() -> None:
    """Hold each acknowledgement back; what is sent is sent at once."""
    send = RecordBatchWriter.send

    async def send_and_wait(self: RecordBatchWriter, records: Sequence[OutgoingRecord]) -> Acknowledgement:
        acknowledgement = await send(self, records)

        async def late() -> Mapping[tuple[str, int], int]:
            await asyncio.sleep(ACKNOWLEDGED_AFTER_S)
            return await acknowledgement

        return asyncio.ensure_future(late())

    RecordBatchWriter.send = send_and_wait  # type: ignore[method-assign]


if __name__ == "__main__":
    from nextclick.__main__ import main

    slow_down()
    # The gauges as of now, for a test that looks often.
    app.MEASURE_INTERVAL_S = 0.2
    sys.argv = ["nextclick", "worker"]
    main()
