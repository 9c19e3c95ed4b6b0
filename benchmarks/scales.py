"""How much of everything: enough for ten seconds of work a round, or a look at whether it all works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Amounts.

    Attributes:
        rounds: Unless the command line says otherwise.
        clicks: For the worker and for onnxruntime alone, by number of items.
        faust_clicks: For the obvious Faust worker.
        quix_clicks: For Quix Streams.
        changelog_clicks: For the bytes that they add to the changelog.
        profile_s: How long a worker is sampled.
        rates: Clicks a second whose latency is measured.
        broker_warm_s: Load for a fresh broker before a latency is measured.
        warm_s: Load whose latencies do not count yet.
        load_s: Load whose latencies count.
        restored_users: Users in the changelogs that are restored.
        workers: How many work side by side.
    """

    rounds: int
    clicks: Mapping[int, int]
    faust_clicks: int
    quix_clicks: int
    changelog_clicks: int
    profile_s: float
    rates: tuple[int, ...]
    broker_warm_s: float
    warm_s: float
    load_s: float
    restored_users: tuple[int, ...]
    workers: tuple[int, ...]


FULL = Scale(
    rounds=3,
    clicks={1_000: 250_000, 10_240: 200_000, 102_400: 45_000, 1_024_000: 8_000},
    faust_clicks=12_000,
    quix_clicks=40_000,
    changelog_clicks=50_000,
    profile_s=6.0,
    rates=(100, 1_000, 5_000),
    broker_warm_s=20.0,
    warm_s=2.0,
    load_s=12.0,
    restored_users=(0, 100_000, 1_000_000),
    workers=(1, 2),
)

QUICK = Scale(
    rounds=1,
    clicks={1_000: 20_000, 10_240: 20_000, 102_400: 5_000, 1_024_000: 2_500},
    faust_clicks=1_500,
    quix_clicks=4_000,
    changelog_clicks=5_000,
    profile_s=2.0,
    rates=(100, 1_000),
    broker_warm_s=1.0,
    warm_s=1.0,
    load_s=3.0,
    restored_users=(0, 5_000),
    workers=(1, 2),
)
