"""`nextclick simulate`: what a worker would have published."""

import time
from pathlib import Path
from typing import Annotated

import typer

from nextclick.counts_options import CountsDelay, RecordedCounts, RecordedListsFile
from nextclick.options import AsJson, ExcludeSeen, Limit
from nextclick.selection_options import Offsets, Partitions, Since, Until


def simulate(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="The file that `nextclick record` wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Keep the lists: *.jsonl.zst or *.jsonl their bytes, or *.parquet."),
    ] = None,
    exclude_seen: ExcludeSeen = None,
    batch_records: Annotated[
        int, typer.Option("--batch", min=1, max=65_536, metavar="N", help="Clicks of a micro-batch; changes no list.")
    ] = 2_048,
    prequential: Annotated[
        bool,
        typer.Option("--prequential", help="Score each click against the list that its user had."),
    ] = False,
    prequential_out: Annotated[
        Path | None, typer.Option("--prequential-out", metavar="FILE", help="Keep a row a scored click: *.parquet.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the scores over time: *.png or *.svg (extra `report`)."),
    ] = None,
    counts_delay: CountsDelay = None,
    counts: RecordedCounts = None,
    lists: RecordedListsFile = None,
    partitions: Partitions = None,
    offsets: Offsets = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Take recorded clicks through the worker's own pipeline, without a broker: the lists that it would have published.

    They are those of a live worker with `publish=per-click`, byte for byte, on every run and for any `--batch`; states
    begin empty. The clock is each record's own: a week from last year gives what that week gave. The worker's settings
    count (`nextclick config`), those of brokers and topics aside. The digest tells at a glance whether two runs gave
    the same lists.

    `--prequential` scores each click against the list that its user had, then lets the state learn it: HitRate@K, MRR@K
    and NDCG@K by strategy and history, beside the popular list on the same clicks, as a worker counts them.

    A model with live counts ranks without them unless one says which: `--counts-delay 60s` counts the recorded clicks;
    `--counts counts.parquet --lists lists.parquet`, as `nextclick record` wrote them, gives the lists that workers
    published, byte for byte, however many they were, and says whether they are.

    Example: `nextclick simulate artifacts/eshop yesterday.parquet --out lists.parquet`
    """
    import msgspec  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from nextclick.prequential.report import PrequentialReport  # noqa: PLC0415
    from nextclick.record_progress import record_progress  # noqa: PLC0415
    from nextclick.recording.files import open_recording  # noqa: PLC0415
    from nextclick.recording.sources import all_records  # noqa: PLC0415
    from nextclick.selection_options import selection_of  # noqa: PLC0415
    from nextclick.simulation.counts_choice import chosen_snapshots, counts_choice, recorded_lists  # noqa: PLC0415
    from nextclick.simulation.list_files import list_file  # noqa: PLC0415
    from nextclick.simulation.printing import CountsReport, print_simulation, simulation_values  # noqa: PLC0415
    from nextclick.simulation.simulator import SimulationTotals, Simulator  # noqa: PLC0415
    from workers.preflight import counts_recipe  # noqa: PLC0415
    from workers.settings import load_settings  # noqa: PLC0415

    choice = counts_choice(counts_delay, counts, lists)
    settings = load_settings(artifact=artifact, publish="per-click", exclude_seen=exclude_seen)
    source = open_recording(recording)
    model = load_artifact(artifact)
    is_scored = prequential or prequential_out is not None or plot is not None
    report = PrequentialReport(model, out=prequential_out, plot=plot) if is_scored else None
    published = recorded_lists(choice, source.head)
    snapshots = chosen_snapshots(choice, settings, model, source.head, published)
    simulator = Simulator(
        model, settings, source.head, batch_records=batch_records, prequential=is_scored, snapshots=snapshots
    )
    counted = CountsReport(choice, counts_recipe(settings, model) is not None, published, snapshots)
    selection = selection_of(partitions, offsets, since, until, limit)
    totals = SimulationTotals()
    started_s = time.monotonic()
    with list_file(out) as file, record_progress(source) as show:
        for batch in simulator.run(selection.of(all_records(source))):
            totals.add(batch)
            file.write(batch.lists)
            counted.add(batch)
            if report is not None:
                report.add(batch)
            show(totals.records)
    elapsed_s = time.monotonic() - started_s
    if report is not None:
        report.write()
    if as_json:
        values = simulation_values(totals, counted, simulator.users, elapsed_s)
        scores = {} if report is None else {"prequential": report.values()}
        typer.echo(msgspec.json.encode({**values, **scores}).decode())
        return
    print_simulation(totals, counted, simulator.users, elapsed_s)
    if report is not None:
        report.print()
