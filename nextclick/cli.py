"""The tree of commands.

A command's own module is imported when it is named here, so each imports torch, Faust and the like inside its function:
`nextclick --help` must not take seconds.
"""

import typer

from nextclick.commands.broker import broker
from nextclick.commands.click import click
from nextclick.commands.config import config
from nextclick.commands.data import data
from nextclick.commands.demo import demo
from nextclick.commands.evaluate import evaluate
from nextclick.commands.export import export
from nextclick.commands.inspect import inspect
from nextclick.commands.online_eval import online_eval
from nextclick.commands.recommend import recommend
from nextclick.commands.replay import replay
from nextclick.commands.state import state
from nextclick.commands.topics import topics
from nextclick.commands.train import train
from nextclick.commands.watch import watch
from nextclick.commands.worker import worker

app = typer.Typer(
    name="nextclick",
    help="A streaming recommender worker: one click in, one LSTM step, a fresh list out.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(demo)
app.command()(broker)
app.add_typer(data, name="data")
app.add_typer(topics, name="topics")
app.command()(worker)
app.command()(replay)
app.command()(click)
app.command()(watch)
app.command()(state)
app.command()(config)
app.command()(evaluate)
app.command("online-eval")(online_eval)
app.command()(export)
app.command()(inspect)
app.command()(recommend)
app.command()(train)
