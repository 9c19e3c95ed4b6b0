"""`nextclick fit-counts`: half lives and weights of live counts, by a checkpoint's validation period."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, PreparedFolder


def fit_counts(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="Trained with a validation period set aside.")
    ],
    *,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME|FOLDER", help="The prepared data set that it was trained on.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the recipe goes.")] = Path("counts.json"),
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    counts_delay: Annotated[
        str, typer.Option("--counts-delay", metavar="DURATION", help="How far the counts will lag, 60s, 10m, 1h.")
    ] = "60s",
    questions: Annotated[
        int, typer.Option("--questions", min=100, help="Validation clicks to judge recipes by, at most.")
    ] = 4_000,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start",
            metavar="FILE",
            help="A recipe to begin with; buckets, bounds and how often a user counts stay as it has them.",
            show_default="the defaults",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find how live counts should enter the lists, and write it down for `nextclick export --counts`.

    Settings are tried one after the other on clicks of the validation period, each ranked with what everyone had
    clicked until `--counts-delay` before. Counts that do not help, or a log without a clock, make a recipe that says
    so. The network that is served later may have learned the validation period too; `nextclick train` does all of that
    at once where its configuration has `fit = true` under [live_counts].

    Example: `nextclick train --dataset globo --validation-share 0.15 --no-evaluate --out checkpoints/tuning`, then
    `nextclick fit-counts checkpoints/tuning --dataset globo`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.exporter import RING_LENGTH  # noqa: PLC0415
    from models.counts.recipe import CountsRecipe, load_recipe  # noqa: PLC0415
    from models.preparation.prepared_data import load_prepared_data  # noqa: PLC0415
    from models.training.checkpoint import load_checkpoint  # noqa: PLC0415
    from models.training.counts_fitting import fit_by_validation  # noqa: PLC0415
    from nextclick.counts_fitting import fit_line  # noqa: PLC0415
    from nextclick.moments import parse_duration_ms  # noqa: PLC0415
    from nextclick.prepared_place import prepared_place  # noqa: PLC0415

    folder = prepared_place(dataset, prepared_folder)
    data, loaded = load_prepared_data(folder), load_checkpoint(checkpoint)
    with Console(stderr=True).status("Trying half lives and weights"):
        fit = fit_by_validation(
            loaded,
            data,
            most_questions=questions,
            delay_ms=parse_duration_ms(counts_delay),
            start=CountsRecipe() if start is None else load_recipe(start),
            exclude_last=RING_LENGTH if data.description.exclude_seen else 0,
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(fit.recipe), indent=2) + b"\n")
    if as_json:
        typer.echo(msgspec.json.encode(fit).decode())
        return
    typer.echo(f"{fit_line(fit)} Next: nextclick export ... --counts {out}")
