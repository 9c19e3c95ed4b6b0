"""The same job on Quix Streams: a stateful function a click, RocksDB and a changelog behind it."""

from quixstreams import Application, State

from benchmarks.peers.single_click_model import SingleClickModel
from benchmarks.peers.surroundings import read_surroundings

STATE_KEY = "state"


def main() -> None:
    """Run until it is stopped."""
    here = read_surroundings()
    model = SingleClickModel(here.artifact)
    app = Application(
        broker_address=here.bootstrap_servers,
        consumer_group=here.group,
        auto_offset_reset="earliest",
        state_dir=here.state_folder,
        # The embedded broker forms a group only after half of it.
        consumer_extra_config={"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000},
        producer_extra_config={"linger.ms": 20},
        loglevel="WARNING",
    )
    clicks = app.topic(here.clicks_topic, key_deserializer="bytes", value_deserializer="bytes")
    lists = app.topic(here.lists_topic, key_serializer="bytes", value_serializer="bytes")

    def recommend(click: bytes, state: State) -> bytes:
        published, new_state = model.recommend(click, state.get_bytes(STATE_KEY))
        state.set_bytes(STATE_KEY, new_state)
        return published

    app.dataframe(clicks).apply(recommend, stateful=True).to_topic(lists)
    app.run()


if __name__ == "__main__":
    main()
