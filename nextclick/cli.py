"""The tree of commands.

A command's own module is imported when it is named here, so each imports torch, Faust and the like inside its function:
`nextclick --help` must not take seconds.
"""

import typer

from nextclick.commands.broker import broker
from nextclick.commands.click import click
from nextclick.commands.cold_items import cold_items
from nextclick.commands.compare import compare
from nextclick.commands.config import config
from nextclick.commands.data import data
from nextclick.commands.dead_letters import dead_letters
from nextclick.commands.demo import demo
from nextclick.commands.ensemble import ensemble
from nextclick.commands.evaluate import evaluate
from nextclick.commands.export import export
from nextclick.commands.fit_counts import fit_counts
from nextclick.commands.golden import golden
from nextclick.commands.inspect import inspect
from nextclick.commands.leaderboard import leaderboard
from nextclick.commands.online_eval import online_eval
from nextclick.commands.page import page
from nextclick.commands.recommend import recommend
from nextclick.commands.record import record
from nextclick.commands.replay import replay
from nextclick.commands.similar import similar
from nextclick.commands.simulate import simulate
from nextclick.commands.state import state
from nextclick.commands.topics import topics
from nextclick.commands.train import train
from nextclick.commands.trending import trending
from nextclick.commands.tune import tune
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

SEE, LEARN, SERVE, REHEARSE, ASK = (
    "See it work",
    "From clicks to an artifact",
    "Serve",
    "Try a model on yesterday's topic",
    "Look inside",
)

app.command(rich_help_panel=SEE)(demo)
app.command(rich_help_panel=SEE)(page)

app.add_typer(data, name="data", rich_help_panel=LEARN)
app.command(rich_help_panel=LEARN)(train)
app.command("fit-counts", rich_help_panel=LEARN)(fit_counts)
app.command(rich_help_panel=LEARN)(tune)
app.command(rich_help_panel=LEARN)(ensemble)
app.command(rich_help_panel=LEARN)(export)
app.command(rich_help_panel=LEARN)(evaluate)
app.command("cold-items", rich_help_panel=LEARN)(cold_items)
app.command("online-eval", rich_help_panel=LEARN)(online_eval)
app.command(rich_help_panel=LEARN)(leaderboard)

app.command(rich_help_panel=SERVE)(broker)
app.add_typer(topics, name="topics", rich_help_panel=SERVE)
app.command(rich_help_panel=SERVE)(worker)
app.command(rich_help_panel=SERVE)(config)

app.command(rich_help_panel=REHEARSE)(record)
app.command(rich_help_panel=REHEARSE)(replay)
app.command(rich_help_panel=REHEARSE)(simulate)
app.add_typer(golden, name="golden", rich_help_panel=REHEARSE)
app.command(rich_help_panel=REHEARSE)(compare)

app.command(rich_help_panel=ASK)(inspect)
app.command(rich_help_panel=ASK)(recommend)
app.command(rich_help_panel=ASK)(similar)
app.command(rich_help_panel=ASK)(trending)
app.command(rich_help_panel=ASK)(click)
app.command(rich_help_panel=ASK)(watch)
app.command(rich_help_panel=ASK)(state)
app.add_typer(dead_letters, name="dead-letters", rich_help_panel=ASK)
