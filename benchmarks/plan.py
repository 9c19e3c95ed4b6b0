"""Everything that is measured, and in which order: what is compared is measured side by side in every round."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks.bench import Bench
from benchmarks.scales import Scale
from benchmarks.scenarios.changelog import measure_changelog
from benchmarks.scenarios.latency import measure_latency
from benchmarks.scenarios.limit import measure_onnxruntime
from benchmarks.scenarios.live_counts import measure_live_counts
from benchmarks.scenarios.peer_runs import measure_faust, measure_quix
from benchmarks.scenarios.restore import measure_restore
from benchmarks.scenarios.scaling import measure_scaling
from benchmarks.scenarios.stages import measure_counting_stages, measure_stages
from benchmarks.scenarios.throughput import measure_per_batch, measure_per_click

# The catalogue at which peers are run and stages are looked at.
COMPARED_ITEMS = 10_240
SIZES = (1_000, 10_240, 102_400, 1_024_000)


class Part(NamedTuple):
    """One thing that is measured in every round.

    Attributes:
        name: What `--only` selects by; the measures' names begin with it.
        measure: Measures one round.
    """

    name: str
    measure: Callable[[Bench], None]


def all_parts(scale: Scale) -> Iterator[Part]:
    """Yield the parts of a round in their order."""
    for items in SIZES:
        yield Part(f"throughput.items_{items}.per_click", partial(measure_per_click, item_count=items))
        yield Part(f"onnxruntime.items_{items}", partial(measure_onnxruntime, item_count=items))
        if items == COMPARED_ITEMS:
            yield Part(f"live_counts.items_{items}", partial(measure_live_counts, item_count=items))
            yield Part(f"peer.faust.items_{items}", partial(measure_faust, item_count=items))
            yield Part(f"peer.quix.items_{items}", partial(measure_quix, item_count=items))
            yield Part(f"stages.items_{items}", partial(measure_stages, item_count=items))
            yield Part(f"stages.live_counts_{items}", partial(measure_counting_stages, item_count=items))
        yield Part(f"throughput.items_{items}.per_batch", partial(measure_per_batch, item_count=items))
    for rate in scale.rates:
        yield Part(f"latency.rate_{rate}", partial(measure_latency, rate=rate))
    yield Part("changelog", measure_changelog)
    for workers in scale.workers:
        yield Part(f"scaling.workers_{workers}", partial(measure_scaling, workers=workers))
    for users in scale.restored_users:
        yield Part(f"restore.users_{users}", partial(measure_restore, users=users))


def selected_parts(scale: Scale, only: Sequence[str]) -> list[Part]:
    """Return the parts of these names and those below them, as `peer.faust.items_10240` is below `peer`; none: all."""
    return [part for part in all_parts(scale) if not only or any(f"{part.name}.".startswith(f"{one}.") for one in only)]
