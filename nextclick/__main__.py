"""The console script `nextclick`: one command a file, errors as one line."""

import sys

from rich.console import Console
from rich.markup import escape

from models.errors import NextclickError
from nextclick.cli import app


def main() -> None:
    """Run the command line; an error of ours ends it with one clear line and exit code 1."""
    try:
        app()
    except NextclickError as error:
        Console(stderr=True).print(f"[bold red]nextclick:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
