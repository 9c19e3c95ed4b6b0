"""`nextclick inspect`: an artifact on one page."""

from pathlib import Path
from typing import Annotated

import typer

from nextclick.options import AsJson


def inspect(
    artifact: Annotated[Path, typer.Argument(metavar="ARTIFACT", help="The folder that `nextclick export` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Show what an artifact is: model, state, items, training data, metrics, parity, versions and hashes.

    The files are checked against their hashes first. With `--json` the manifest is printed as it is.

    Example: `nextclick inspect artifacts/eshop`
    """
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from export.artifact import load_artifact  # noqa: PLC0415
    from export.artifact_page import artifact_page  # noqa: PLC0415

    loaded = load_artifact(artifact)
    if as_json:
        typer.echo(msgspec.json.encode(loaded.manifest).decode())
        return
    Console().print(artifact_page(loaded))
