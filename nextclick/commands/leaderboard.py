"""`nextclick leaderboard`: models beside each other on the same test clicks, in one table."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextclick.options import PREPARED_FOLDER, AsJson, DataFolder, PreparedFolder


def leaderboard(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Which models on which data: a TOML file.")] = Path(
        "benchmarks/leaderboard.toml"
    ),
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where leaderboard.md, .json and .png go.")
    ] = Path("build/leaderboard"),
    cache: Annotated[
        Path, typer.Option("--cache", metavar="FOLDER", help="What was trained and measured before.")
    ] = Path("build/leaderboard/cache"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Train and measure these alone: a data set, a model, or dataset/model, `*` for anything. Results that "
            "are there already are shown all the same.",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train and measure again what is there already.")] = False,
    prepared_folder: PreparedFolder = PREPARED_FOLDER,
    data_folder: DataFolder = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", help="Where networks learn: auto takes a GPU if there is one."),
    ] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=1, help="Torch's threads.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Train and measure models on the same test clicks, and write one table: Markdown, JSON, and a picture.

    Recall, MRR and NDCG at 5, 10 and 20, coverage and popularity bias, each with a 95 % interval; training time, size
    of the artifact, bytes of state a user and microseconds a click served; RMSE and MAE of models that predict ratings.
    What has been measured is kept and taken over, unless its settings, its data or its code have changed: a run that
    was stopped goes on where it was. Exit code 1 when a model failed; the others are in the table.

    Example: `nextclick leaderboard --only 'eshop/*'`
    """
    import torch  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from models.training.devices import choose_device  # noqa: PLC0415
    from nextclick.leaderboard.board import build_leaderboard  # noqa: PLC0415
    from nextclick.leaderboard.configuration import load_leaderboard_config  # noqa: PLC0415
    from nextclick.leaderboard.printing import print_leaderboard, write_leaderboard  # noqa: PLC0415
    from nextclick.leaderboard.run import Selection, run_leaderboard  # noqa: PLC0415

    torch.set_num_threads(threads)
    chosen, console = load_leaderboard_config(config), Console(stderr=True)
    outcome = run_leaderboard(
        chosen,
        Selection(tuple(only or ()), fresh),
        cache=cache,
        prepared_folder=prepared_folder,
        data_folder=data_folder,
        console=console,
        device=choose_device(device),
    )
    board = build_leaderboard(chosen, outcome)
    written = write_leaderboard(board, out)
    print_leaderboard(board, written, as_json=as_json)
    if outcome.failures:
        for entry, reason in outcome.failures:
            console.print(f"{entry} failed: {reason}", style="red", highlight=False, markup=False)
        raise typer.Exit(1)
