"""The steps of the proof, one after the other, and what each of them has to show."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.replay_proof.commands import Commands
from tests.replay_proof.live import PREQUENTIAL, Counts, file_digest, lists_digest, run_shadow

PARTITIONS = 8
LIVE, REHEARSAL, NARROW = "live-clicks", "rehearsal-clicks", "narrow-clicks"
RECORDING, AGAIN, REHEARSED = "yesterday.parquet", "again.parquet", "rehearsal.parquet"
MODELS = {"today": 1, "four-epochs": 4}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """One thing that had to be shown.

    Attributes:
        what: In words.
        holds: Whether it was.
    """

    what: str
    holds: bool


@dataclass(frozen=True)
class Bench:
    """Where the proof is made.

    Attributes:
        commands: Run in the folder, at the broker.
        folder: Everything is in it.
        broker: Bootstrap servers.
        clicks: How many are replayed.
        say: Heads the next step.
    """

    commands: Commands
    folder: Path
    broker: str
    clicks: int
    say: Say


def make_models(bench: Bench) -> None:
    """Train two models on the clicks before the replayed ones, and export them."""
    bench.say("Two models of the clicks before")
    run = bench.commands.run
    run("data", "prepare", "--log", "training.parquet", "--out", "prepared", "--cut", "0.9", "--json")
    for name, epochs in MODELS.items():
        run(
            *("train", "--dataset", "prepared", "--config", "eshop", "--epochs", str(epochs), "--no-evaluate"),
            *("--out", f"checkpoints/{name}", "--json"),
        )
        run("export", f"checkpoints/{name}", "--out", f"artifacts/{name}")


def record(bench: Bench) -> list[Shown]:
    """Clicks into a topic, the topic into a file, and into a file again."""
    bench.say("Record a topic")
    show, read = bench.commands.show, bench.commands.read
    bench.commands.run("topics", "create", "--clicks-topic", LIVE, "--partitions", str(PARTITIONS))
    show("replay", "clicks.parquet", "--topic", LIVE)
    said = show("record", RECORDING, "--topic", LIVE)
    again = read("record", AGAIN, "--topic", LIVE)
    return [
        Shown(f"{bench.clicks:,} clicks sent, as many recorded", again["records"] == bench.clicks),
        Shown("a second recording has the same identity", f"Identity: {again['digest']}" in said),
    ]


def replay(bench: Bench) -> list[Shown]:
    """The recording into another topic, and recorded from there; what would mix things up is refused."""
    bench.say("Replay the recording into another topic")
    commands = bench.commands
    commands.run("topics", "create", "--shadow", "one", "--clicks-topic", REHEARSAL, "--partitions", str(PARTITIONS))
    commands.run("topics", "create", "--shadow", "two", "--clicks-topic", REHEARSAL, "--partitions", str(PARTITIONS))
    commands.run("topics", "create", "--shadow", "narrow", "--clicks-topic", NARROW, "--partitions", "4")
    commands.show("replay", RECORDING, "--topic", REHEARSAL, "--keep", "keys,partitions,headers,timestamps")
    rehearsed = commands.read("record", REHEARSED, "--topic", REHEARSAL)
    commands.run("replay", RECORDING, "--topic", LIVE, expect=1)
    commands.run("replay", RECORDING, "--topic", NARROW, expect=1)
    return [
        Shown("as many records in the other topic", rehearsed["records"] == bench.clicks),
        Shown("onto its own source: refused", True),
        Shown("into a topic of another number of partitions: refused", True),
    ]


def simulate(bench: Bench) -> tuple[list[Shown], dict[str, Any]]:
    """The rehearsal without a broker: three runs, two sizes of micro-batches."""
    bench.say("Simulate it: three runs, two sizes of micro-batches")
    arguments = ("simulate", "artifacts/today", REHEARSED)
    bench.commands.show(*arguments, "--prequential", "--plot", "prequential.png", "--out", "lists.jsonl")
    runs = [bench.commands.read(*arguments, "--prequential", *more) for more in ((), (), ("--batch", "97"))]
    digests, figures = {run["digest"] for run in runs}, runs[0]["prequential"]
    return [
        Shown(f"{sum(runs[0]['lists'].values()):,} lists, the same bytes every time", len(digests) == 1),
        Shown("the same prequential figures every time", all(run["prequential"] == figures for run in runs)),
    ], runs[0]


def live(bench: Bench, simulated: dict[str, Any]) -> list[Shown]:
    """One worker and two of them on the rehearsal topic, beside each other: the simulated lists and figures."""
    bench.say("One worker, then two, on the rehearsal topic")
    expected = file_digest(bench.folder / "lists.jsonl")
    shown, counts = [], []
    for prefix, workers in (("one", 1), ("two", 2)):
        counted = run_shadow(
            prefix,
            workers=workers,
            clicks=bench.clicks,
            artifact=bench.folder / "artifacts" / "today",
            clicks_topic=REHEARSAL,
            broker=bench.broker,
            folder=bench.folder / "logs",
        )
        counts.append(counted)
        what = f"{workers} worker{'s' * (workers > 1)}: the simulated lists, byte for byte"
        shown.append(Shown(what, lists_digest(prefix, bench.broker) == expected))
    whole = simulated["prequential"]["all"]
    shown.append(Shown("two workers' counters add up to those of one", counts[0] == counts[1]))
    shown.append(Shown("the counters give the simulated HitRate, MRR and NDCG exactly", _figures(counts[0]) == whole))
    return shown


def golden(bench: Bench) -> list[Shown]:
    """The lists kept; the same model passes, another one does not."""
    bench.say("Golden lists")
    show = bench.commands.show
    show("golden", "make", "artifacts/today", RECORDING, "yesterday.golden.parquet")
    show("golden", "check", "artifacts/today", RECORDING, "yesterday.golden.parquet")
    show("golden", "check", "artifacts/four-epochs", RECORDING, "yesterday.golden.parquet", "--examples", "1", expect=1)
    return [Shown("the same model passes, the other one does not", True)]


def compare(bench: Bench) -> list[Shown]:
    """The two models on the same clicks, and the report."""
    bench.say("Compare the two models")
    arguments = ("compare", "artifacts/today", "artifacts/four-epochs", RECORDING)
    bench.commands.show(*arguments, "--report", "comparison.html", "--json", "comparison.json")
    bench.commands.run(*arguments, "--report", "comparison-again.html")
    report = (bench.folder / "comparison.html").read_text(encoding="utf-8")
    return [
        Shown("the report asks nothing of any network", "://" not in report),
        Shown("a second report is the same, byte for byte", _same(bench, "comparison.html", "comparison-again.html")),
    ]


def prove(bench: Bench) -> Sequence[Shown]:
    """Make all steps; return what they had to show."""
    make_models(bench)
    shown = record(bench) + replay(bench)
    of_simulation, simulated = simulate(bench)
    return [*shown, *of_simulation, *live(bench, simulated), *golden(bench), *compare(bench)]


def _figures(counts: Counts) -> dict[str, Any]:
    """Return what PromQL would make of the counters of all workers, named as the simulation names it."""

    def total(name: str) -> float:
        return sum(value for (family, *_), value in counts.items() if family == PREQUENTIAL + name)

    clicks = total("opportunities")
    names = {"hit_rate": "hits", "mrr": "reciprocal_ranks", "ndcg": "gains"}
    return {
        "clicks": clicks,
        "lists": {name: total(counter) / clicks for name, counter in names.items()},
        "popular": {name: total(f"popular_{counter}") / clicks for name, counter in names.items()},
    }


def _same(bench: Bench, one: str, other: str) -> bool:
    return _sha256(bench.folder / one) == _sha256(bench.folder / other)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
