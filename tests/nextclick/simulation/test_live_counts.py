"""Simulations with everyone's clicks: the lists that workers published, or those of a stated delay."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from export.artifact import Artifact
from export.live_evaluation import evaluate_live
from models.counts.recipe import CountsRecipe
from models.errors import RecordingError, SettingsError
from nextclick.cli import app
from nextclick.prequential.outcomes import Outcomes
from nextclick.recording.files import open_recording
from nextclick.recording.records import RecordedRecord
from nextclick.simulation.counts_choice import CountsChoice, chosen_snapshots, recorded_lists
from nextclick.simulation.recorded_lists import RecordedLists
from nextclick.simulation.simulator import SimulatedBatch, Simulator
from tests.click_records import click_value
from tests.click_tables import MAY_2024_MS
from tests.factories import TINY_ITEM_IDS, make_click_table, make_tiny_artifact
from tests.nextclick.recording.made import make_head, make_recorded, read_recording, write_recording
from tests.nextclick.simulation.clicks import recorded_clicks
from tests.nextclick.simulation.counting_workers import bodies_by_click, serve, write_topics
from workers.prequential_tally import reciprocal_ranks
from workers.settings import Settings, load_settings

RECIPE = CountsRecipe(bucket_ms=30_000, session_reach=3, clicks_per_user=2, boost_length=16)
HEAD = make_head(recorded_at_ms=MAY_2024_MS + 400 * 86_400_000)


@pytest.fixture(scope="module")
def counted_artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return make_tiny_artifact(tmp_path_factory.mktemp("counted"), counts=RECIPE)


@pytest.fixture
def settings(counted_artifact: Artifact) -> Settings:
    return load_settings(artifact=counted_artifact.folder)


def batches_of(
    artifact: Artifact,
    settings: Settings,
    records: Sequence[RecordedRecord],
    choice: CountsChoice,
    *,
    lists: RecordedLists | None = None,
    batch_records: int = 100,
    prequential: bool = False,
) -> Iterator[SimulatedBatch]:
    """Run a simulation."""
    lists = lists or recorded_lists(choice, HEAD)
    snapshots = chosen_snapshots(choice, settings, artifact, HEAD, lists)
    simulator = Simulator(
        artifact, settings, HEAD, batch_records=batch_records, prequential=prequential, snapshots=snapshots
    )
    return simulator.run(records)


def lists_of(
    artifact: Artifact,
    settings: Settings,
    records: Sequence[RecordedRecord],
    choice: CountsChoice,
    *,
    batch_records: int = 100,
) -> list[bytes]:
    """Return the simulated lists in their order."""
    found = batches_of(artifact, settings, records, choice, batch_records=batch_records)
    return [body for batch in found for body in batch.lists]


def by_partition(lists: Sequence[bytes]) -> list[bytes]:
    return sorted(lists, key=lambda body: json.loads(body)["source"]["partition"])


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_pinned_lists_are_the_published_ones(
    counted_artifact: Artifact, settings: Settings, tmp_path: Path, workers: int
) -> None:
    """However many workers there were, however far behind the counts each was, for any micro-batch."""
    records = recorded_clicks()
    broker = serve(counted_artifact, settings, records, workers=workers)
    lists, counts = write_topics(broker, settings, tmp_path)
    published = bodies_by_click(broker, settings)
    snapshots = {json.loads(body).get("counts", {}).get("offset") for body in published}
    assert None in snapshots
    assert len(snapshots) > 15
    choice = CountsChoice(counts=counts, lists=lists)
    for batch_records in (1, 8_192):
        assert by_partition(lists_of(counted_artifact, settings, records, choice, batch_records=batch_records)) == (
            published
        )


def test_a_list_that_was_published_again_counts_once(
    counted_artifact: Artifact, settings: Settings, tmp_path: Path
) -> None:
    """After a crash clicks are ranked again with newer counts: the first list is the one that is simulated."""
    records = recorded_clicks(300)
    broker = serve(counted_artifact, settings, records, workers=2)
    paths = write_topics(broker, settings, tmp_path)
    published = read_recording(paths[0])
    newest = max(published, key=lambda one: json.loads(one.value or b"").get("counts", {}).get("offset", -1))
    body = json.loads(published[5].value or b"") | {"counts": json.loads(newest.value or b"")["counts"]}
    last = max(one.offset for one in published if one.partition == published[5].partition)
    again = published[5]._replace(offset=last + 1, previous_offset=last, value=json.dumps(body).encode())
    twice = tmp_path / "twice.parquet"
    write_recording(twice, [*published, again], open_recording(paths[0]).head)
    choice = CountsChoice(counts=paths[1], lists=twice)
    lists = recorded_lists(choice, HEAD)
    assert lists is not None
    for batch in batches_of(counted_artifact, settings, records, choice, lists=lists):
        lists.compare(batch.lists)
    assert (lists.again, lists.same, lists.other, lists.unrecorded) == (1, lists.lists, 0, 0)


def test_other_lists_are_told_from_the_published_ones(
    counted_artifact: Artifact, settings: Settings, tmp_path: Path
) -> None:
    """The seen filter changes many of them, and the command says so; a click behind the last list has none."""
    records = recorded_clicks(300)
    broker = serve(counted_artifact, settings, records[:280], workers=2)
    lists, counts = write_topics(broker, settings, tmp_path)
    clicks = tmp_path / "clicks.parquet"
    write_recording(clicks, records, HEAD)
    command = ["simulate", str(counted_artifact.folder), str(clicks), "--counts", str(counts), "--lists", str(lists)]
    same = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    said = json.loads(same.stdout)
    published = len(bodies_by_click(broker, settings))
    assert said["counts"] == "as recorded"
    assert said["published"]["same"] == published
    assert said["published"]["other"] == said["published"]["missing_counts_records"] == 0
    assert 15 <= said["published"]["unrecorded"] <= 20
    other = json.loads(CliRunner().invoke(app, [*command, "--exclude-seen", "--json"], catch_exceptions=False).stdout)
    assert other["published"]["other"] > 50
    assert other["published"]["other"] + other["published"]["same"] == published
    told = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert f"Ranked with the recorded counts: {published} lists are the published ones, byte for byte; 0 are" in told


def test_counts_of_others_are_refused(counted_artifact: Artifact, settings: Settings, tmp_path: Path) -> None:
    """A counts topic that ends too soon, or has other buckets at the same offsets."""
    records = recorded_clicks(300)
    lists, counts = write_topics(serve(counted_artifact, settings, records, workers=2), settings, tmp_path)
    head, kept = open_recording(counts).head, read_recording(counts)
    for name, part, message in (("short", kept[:40], "ends before that"), ("others", kept[::-1], "has bucket")):
        path = tmp_path / f"{name}.parquet"
        renumbered = [
            one._replace(offset=offset, previous_offset=offset - 1 if offset else None)
            for offset, one in enumerate(part)
        ]
        write_recording(path, renumbered, head)
        with pytest.raises(RecordingError, match=message):
            lists_of(counted_artifact, settings, records, CountsChoice(counts=path, lists=lists))


@pytest.mark.parametrize("delay_ms", [0, 60_000])
def test_lists_of_a_delay_do_not_depend_on_the_batches(
    counted_artifact: Artifact, settings: Settings, delay_ms: int
) -> None:
    """Counts move on at the same clicks; a list names the newest bucket that had ended so long before."""
    records, choice = recorded_clicks(), CountsChoice(delay_ms=delay_ms)
    expected = lists_of(counted_artifact, settings, records, choice)
    for batch_records in (7, 8_192):
        assert lists_of(counted_artifact, settings, records, choice, batch_records=batch_records) == expected
    lists = [json.loads(body) for body in expected]
    times = {(one.partition, one.offset): one.timestamp_ms for one in records}
    on_time = [
        one
        for one in lists
        if "counts" in one
        and one["source"]["timestamp_ms"] == times[one["source"]["partition"], one["source"]["offset"]]
    ]
    assert len(on_time) > 200
    for one in on_time:
        ended_ms = (one["counts"]["bucket"] + 1) * RECIPE.bucket_ms
        assert 0 <= one["source"]["timestamp_ms"] - delay_ms - ended_ms < RECIPE.bucket_ms
    assert "trending" in {one["strategy"] for one in lists}


def popular_click(user: str, at_ms: int, offset: int, item: str = "item-08") -> RecordedRecord:
    """Make a click of one partition."""
    value = click_value(user, item, MAY_2024_MS + at_ms)
    return make_recorded(
        0, offset, offset - 1 if offset else None, timestamp_ms=MAY_2024_MS + at_ms, key=user.encode(), value=value
    )


def test_a_click_knows_what_ended_the_delay_before_it(counted_artifact: Artifact, settings: Settings) -> None:
    """Three clicks of a bucket lift their item once it has ended so long ago, not a millisecond sooner."""
    clicks = [popular_click(f"u{number}", 1_000 * number, number) for number in range(3)]
    clicks += [popular_click("bob", 89_999, 3, "unknown"), popular_click("cat", 90_000, 4, "unknown")]
    lists = list(map(json.loads, lists_of(counted_artifact, settings, clicks, CountsChoice(delay_ms=60_000))))
    assert [one["strategy"] for one in lists[3:]] == ["popular", "trending"]
    assert lists[4]["items"][0] == "item-08"
    assert lists[3]["items"][0] != "item-08"
    assert lists[4]["counts"] == {"bucket": MAY_2024_MS // 30_000, "offset": 4}


def test_a_click_from_the_future_moves_no_time(counted_artifact: Artifact, settings: Settings) -> None:
    """Nor does one that comes late: both are ranked with what is known when they come."""
    clicks = [popular_click("ann", 0, 0), popular_click("bob", 30_000, 1)]
    early = popular_click("cat", 30_000, 2)._replace(value=click_value("cat", "item-08", MAY_2024_MS + 7_200_000))
    late = popular_click("dan", 30_000, 3)._replace(value=click_value("dan", "item-08", MAY_2024_MS))
    lists = lists_of(counted_artifact, settings, [*clicks, early, late], CountsChoice(delay_ms=0))
    assert [json.loads(body).get("counts", {}).get("offset") for body in lists] == [None, 1, 1, 1]


@pytest.mark.parametrize("batch_records", [7, 600])
def test_every_click_is_scored_against_the_list_that_its_user_had(
    counted_artifact: Artifact, settings: Settings, batch_records: int
) -> None:
    """Prequential figures are those of the simulated lists, read plainly."""
    records, choice = recorded_clicks(), CountsChoice(delay_ms=60_000)
    outcomes, had, expected = Outcomes(), dict[str, list[str]](), []
    for batch in batches_of(counted_artifact, settings, records, choice, batch_records=batch_records, prequential=True):
        outcomes.add(batch)
    bodies = {
        (one["source"]["partition"], one["source"]["offset"]): one
        for one in map(json.loads, lists_of(counted_artifact, settings, records, choice))
    }
    for record in records:
        if record.value is None or (record.partition, record.offset) not in bodies:
            continue
        click = json.loads(record.value)
        if click.get("consent") is False:
            continue
        user, item = click["user_id"], click["item_id"]
        if user in had:
            expected.append(had[user].index(item) + 1 if item in had[user] else 0)
        had[user] = bodies[record.partition, record.offset]["items"]
    ranks = outcomes.frame()["rank"].to_list()
    assert ranks == expected
    assert sum(rank > 0 for rank in ranks) > 100


def test_figures_of_a_delay_are_those_of_an_evaluation(counted_artifact: Artifact, settings: Settings) -> None:
    """Two programs count, rank and score the same log: users of one session each, in order of time, four partitions."""
    random, records, rows, newest = Random(5), [], [], dict[int, int]()
    for number in range(500):
        user, item, at_ms = random.randrange(80), random.choice(TINY_ITEM_IDS), 7_000 * number
        partition = user % 4
        offset = newest.get(partition, -1) + 1
        value = click_value(f"u{user}", item, MAY_2024_MS + at_ms, session_id=f"u{user}")
        records.append(
            popular_click(f"u{user}", at_ms, offset)._replace(
                partition=partition, previous_offset=newest.get(partition), value=value
            )
        )
        rows.append((f"u{user}", item, MAY_2024_MS + at_ms))
        newest[partition] = offset
    clicks = make_click_table(rows)
    report = evaluate_live(counted_artifact, clicks.clear(), clicks, delay_ms=60_000, ranked_at="click")
    outcomes = Outcomes()
    for batch in batches_of(counted_artifact, settings, records, CountsChoice(delay_ms=60_000), prequential=True):
        outcomes.add(batch)
    ranks = outcomes.frame()["rank"].to_numpy()
    assert len(ranks) == report.predictions == 421
    assert (ranks > 0).mean() == pytest.approx(report.model["Recall@10"])
    assert reciprocal_ranks(ranks).mean() == pytest.approx(report.model["MRR@10"], abs=1e-6)
    assert report.model["Recall@10"] != pytest.approx(report.popularity["Recall@10"])


def test_without_a_choice_nothing_is_counted_and_people_are_told(
    counted_artifact: Artifact, settings: Settings, tmp_path: Path
) -> None:
    """No list names counts; with a delay the output says so."""
    records = recorded_clicks(200)
    clicks = tmp_path / "clicks.parquet"
    write_recording(clicks, records, HEAD)
    command = ["simulate", str(counted_artifact.folder), str(clicks)]
    plain = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert "Ranked without live counts, which the model has: --counts-delay 60s" in plain
    delayed = CliRunner().invoke(app, [*command, "--counts-delay", "1m"], catch_exceptions=False).stdout
    assert "Ranked with everyone's clicks, counted from the recording, 60,000 ms late." in delayed
    lists = lists_of(counted_artifact, settings, records, CountsChoice())
    assert not any("counts" in json.loads(body) for body in lists)


def test_half_a_choice_is_refused(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """As are both, and counts for a model that has none."""
    path = tmp_path / "a.parquet"
    with pytest.raises(SettingsError, match="--counts and --lists together"):
        CountsChoice(counts=path)
    with pytest.raises(SettingsError, match="one of the two"):
        CountsChoice(counts=path, lists=path, delay_ms=0)
    settings = load_settings(artifact=tiny_artifact.folder)
    with pytest.raises(SettingsError, match="served without live counts"):
        lists_of(tiny_artifact, settings, recorded_clicks(10), CountsChoice(delay_ms=0))
    lists = tmp_path / "lists.parquet"
    write_recording(lists, [make_recorded()])
    with pytest.raises(RecordingError, match="is no list"):
        RecordedLists(open_recording(lists), "clicks")
