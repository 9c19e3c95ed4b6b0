"""`nextclick tune`: a search for settings on a validation period."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, PreparedFolder

STOPPED = 130


def tune(
    space: Annotated[
        Path, typer.Argument(metavar="SPACE", help="A TOML file: a base configuration and what may vary.")
    ],
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            metavar="NAME|FOLDER",
            help="A data set that `nextclick data prepare` made ready, or the folder of one.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to.", show_default="tuning/ and the space's name"),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="How many in all, those of an interrupted search included.")
    ] = 20,
    sampler: Annotated[
        Literal["tpe", "random", "grid", "evolutionary"],
        typer.Option("--sampler", help="tpe is Bayesian; evolutionary is a genetic algorithm, NSGA-II's."),
    ] = "tpe",
    pruner: Annotated[
        Literal["median", "hyperband", "none"], typer.Option("--pruner", help="Ends hopeless trials after an epoch.")
    ] = "median",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Networks a trial; their mean is its figure.")] = 1,
    sampler_seed: Annotated[int, typer.Option("--sampler-seed", min=0, help="Of the search itself.")] = 0,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the base's, at most.")] = None,
    validation_share: Annotated[
        float | None,
        typer.Option("--validation-share", min=0.01, max=0.9, help="Instead of the base's; there must be one."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="What is to be high, MRR@20 or the like.", show_default="the base's")
    ] = None,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where to learn.")] = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Torch's threads.", show_default="torch's choice")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search for settings by Optuna, on the end of the training period; the test clicks are never looked at.

    After every trial the folder holds a table, and the best configuration as a file that `nextclick train --config`
    takes; at the end, pictures too. The same command goes on where a search was interrupted.

    Example: `nextclick tune space.toml --dataset eshop --validation-share 0.15 --trials 30`
    """
    import torch  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
    from models.training.devices import choose_device  # noqa: PLC0415
    from models.training.execution import Execution  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415
    from nextclick.tuning.printing import print_result, trial_line  # noqa: PLC0415
    from nextclick.tuning.search import SearchPlan, search  # noqa: PLC0415
    from nextclick.tuning.search_space import load_search_space, overridden  # noqa: PLC0415

    if threads is not None:
        torch.set_num_threads(threads)
    searched = overridden(load_search_space(space), epochs, validation_share, metric)
    folder = prepared_place(dataset, prepared_folder)
    data = load_prepared_data(folder)
    place = Path("tuning") / space.stem if out is None else out
    console = Console(stderr=True)
    plan = SearchPlan(sampler, pruner, trials, seeds, sampler_seed)
    try:
        result = search(
            data,
            searched,
            plan,
            place,
            execution=Execution(choose_device(device)),
            told=lambda result, number: console.print(trial_line(result, number), highlight=False, soft_wrap=True),
        )
    except KeyboardInterrupt as stop:
        console.print(f"Stopped. The search is kept in {place}: the same command goes on.", highlight=False)
        raise typer.Exit(STOPPED) from stop
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(result).decode())
    else:
        print_result(result, place, dataset if prepared_folder == PREPARED_FOLDER else str(folder))
    if result.best is None:
        raise typer.Exit(1)
