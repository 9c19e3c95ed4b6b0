"""`nextclick export`: a checkpoint becomes an artifact."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextclick.options import AsJson


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="The folder that `nextclick train` wrote.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", show_default="artifacts/ and the checkpoint's name", help="Where to."),
    ] = None,
    list_length: Annotated[
        int, typer.Option("--list-length", min=1, metavar="K", help="Items in a list; at most the whole catalogue.")
    ] = 20,
    ring_length: Annotated[
        int, typer.Option("--ring-length", min=1, metavar="R", help="How many of a user's last items are remembered.")
    ] = 50,
    state_dtype: Annotated[
        Literal["float16", "float32"],
        typer.Option("--state-dtype", help="What a user's state is stored in; float16 takes half the memory."),
    ] = "float16",
    ranking: Annotated[
        Literal["auto", "exact", "int8"],
        typer.Option(
            "--ranking",
            help="Score every item in float32, or in int8 first and the best of them in float32; auto goes by the size "
            "of the catalogue and the recall.",
        ),
    ] = "auto",
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            metavar="FILE",
            help="A file of the items there are now, for a network that knows items by their contents: those "
            "that training never saw are listed too.",
            show_default="the catalogue of the training data",
        ),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            "--counts",
            metavar="FILE",
            help="A recipe for live counts, as `nextclick fit-counts` writes it.",
            show_default="what the checkpoint was fitted with, if it was",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a checkpoint into an artifact: what a worker serves, without torch.

    The network becomes two ONNX graphs: one advances a user's state by one click, the other ranks the catalogue. Three
    gates are passed before anything is written: torch and onnxruntime agree, chained steps give what a whole sequence
    gives, and a user's list does not depend on who else is in the batch. The same checkpoint gives the same model id.
    A large catalogue is ranked in int8 first where at least .999 of the exact list's items are found that way.

    A new item enters a `content_lstm` by another export of the same checkpoint, with a catalogue that has it. That is
    another model: a worker that serves it rebuilds each user's state from the last items of his session.

    Example: `nextclick export checkpoints/eshop --out artifacts/eshop`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.exporter import export_checkpoint  # noqa: PLC0415
    from models.counts.recipe import load_recipe  # noqa: PLC0415
    from models.preparation.item_catalogue import read_item_catalogue  # noqa: PLC0415

    target = Path("artifacts") / checkpoint.resolve().name if out is None else out
    with Console(stderr=True).status(f"Exporting {checkpoint} and checking parity"):
        artifact = export_checkpoint(
            checkpoint,
            target,
            list_length=list_length,
            ring_length=ring_length,
            state_dtype=state_dtype,
            ranking=ranking,
            catalogue=None if catalogue is None else read_item_catalogue(catalogue),
            counts=None if counts is None else load_recipe(counts),
        )
    manifest = artifact.manifest
    if as_json:
        typer.echo(msgspec.json.encode(manifest).decode())
        return
    typer.echo(
        f"{artifact.folder}: model {manifest.model_id}, {manifest.item_count:,} items, parity "
        f"{manifest.parity.step_max_abs_difference:.1e} a step and {manifest.parity.sequence_max_abs_difference:.1e} "
        f"over {manifest.parity.sequence_length}, {manifest.ranking.kind} ranking with recall "
        f"{manifest.ranking.recall:.4f}. Look at it with `nextclick inspect {artifact.folder}`."
    )
