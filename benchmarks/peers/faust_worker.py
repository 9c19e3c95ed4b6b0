"""The obvious Faust worker: an agent that takes one click, one table, one send a list."""

import faust
from faust.types import StreamT

from benchmarks.peers.single_click_model import SingleClickModel
from benchmarks.peers.surroundings import read_surroundings
from benchmarks.streams import PARTITIONS

# Whole fetches in a request; the default of 16 KiB holds a dozen lists.
BATCH_BYTES = 1 << 20

here = read_surroundings()
model = SingleClickModel(here.artifact)
app = faust.App(
    here.group,
    broker=f"kafka://{here.bootstrap_servers}",
    # In memory, with a changelog: the faster of Faust's two stores.
    store="memory://",
    # Made even so; by default where the benchmark was started.
    datadir=here.state_folder,
    key_serializer="raw",
    value_serializer="raw",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    table_standby_replicas=0,
    producer_max_batch_size=BATCH_BYTES,
    consumer_auto_offset_reset="earliest",
    # The embedded broker forms a group only after half of it.
    broker_session_timeout=6,
    broker_heartbeat_interval=1,
    broker_request_timeout=30,
    web_enabled=False,
    topic_disable_leader=True,
)
clicks = app.topic(here.clicks_topic, key_type=bytes, value_type=bytes)
lists = app.topic(here.lists_topic, key_type=bytes, value_type=bytes)
states = app.Table("states", key_type=bytes, value_type=bytes)


@app.agent(clicks)
async def recommend(stream: StreamT[bytes]) -> None:
    """Give each click its list."""
    async for user, click in stream.items():
        published, states[user] = model.recommend(click, states.get(user))
        # Returns once the record is in the producer's batch; the acknowledgement is not waited for.
        await lists.send(key=user, value=published)


if __name__ == "__main__":
    app.finalize()
    app.Worker(loglevel="WARNING", quiet=True).execute_from_commandline()
