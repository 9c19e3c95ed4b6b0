"""The tree of commands.

A command's own module is imported when it is named here, so each imports torch, Faust and the like inside its function:
`nextclick --help` must not take seconds.
"""

import typer

app = typer.Typer(
    name="nextclick",
    help="A streaming recommender worker: one click in, one LSTM step, a fresh list out.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
