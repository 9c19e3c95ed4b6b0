import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from export.artifact import Artifact
from tests.workers.reports import make_report, make_scored
from workers.events import RejectionReason, Strategy
from workers.metrics import WorkerMetrics


@pytest.fixture
def metrics(tiny_artifact: Artifact) -> WorkerMetrics:
    """Metrics of which every one has a sample."""
    metrics = WorkerMetrics()
    metrics.describe_model(tiny_artifact.manifest)
    report = make_report(
        applied=7,
        redelivered=2,
        late=1,
        unknown_items=3,
        without_consent=1,
        lists={Strategy.PERSONAL: 6, Strategy.POPULAR: 2},
        dead_letters={RejectionReason.NOT_JSON: 4, RejectionReason.KEY_MISMATCH: 1},
        unreadable_states={b"ann": "damaged"},
        scored=make_scored([(2, 1, Strategy.PERSONAL, 3), (0, 4, Strategy.PERSONAL, 4), (0, 0, Strategy.POPULAR, 1)]),
    )
    metrics.observe_batch(report, seconds=0.003, oldest_click_age_s=0.02)
    metrics.count_rekeyed(5, {RejectionReason.NOT_UTF8: 2})
    metrics.count_abandoned_batch()
    metrics.set_lag({0: 12, 3: 0})
    metrics.set_unprocessed({3: 7})
    metrics.set_uncommitted({3: 4})
    metrics.set_in_hand(batches=2, tasks=31)
    metrics.set_restore_remaining({0: 5})
    metrics.set_standby_lag({3: 2})
    metrics.set_offsets_ahead({3: 9})
    return metrics


def families(metrics: WorkerMetrics) -> list[Metric]:
    """What a Prometheus server would read, ours alone."""
    text = generate_latest(metrics.registry).decode()
    return [family for family in text_string_to_metric_families(text) if family.name.startswith("nextclick_")]


def samples(metrics: WorkerMetrics) -> dict[str, float]:
    """Every sample of ours, written as in the text format."""
    written = {}
    for family in families(metrics):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            written[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return written


def test_a_batch_is_counted_by_what_became_of_it(metrics: WorkerMetrics) -> None:
    """Clicks in == applied + redelivered + without consent + dead letters."""
    counted = samples(metrics)
    expected = {
        "nextclick_clicks_total{outcome=applied}": 7,
        "nextclick_clicks_total{outcome=redelivered}": 2,
        "nextclick_clicks_total{outcome=without_consent}": 1,
        "nextclick_clicks_total{outcome=dead_letter}": 5,
        "nextclick_late_clicks_total": 1,
        "nextclick_unknown_item_clicks_total": 3,
        "nextclick_lists_total{strategy=personal}": 6,
        "nextclick_lists_total{strategy=popular}": 2,
        "nextclick_dead_letters_total{reason=not_json}": 4,
        "nextclick_dead_letters_total{reason=key_mismatch}": 1,
        "nextclick_dead_letters_total{reason=not_utf8}": 2,
        "nextclick_unreadable_states_total": 1,
        "nextclick_prequential_opportunities_total{history=2-4,strategy=personal}": 2,
        "nextclick_prequential_unknown_items_total{history=2-4,strategy=personal}": 0,
        "nextclick_prequential_hits_total{history=2-4,strategy=personal}": 1,
        "nextclick_prequential_reciprocal_ranks_total{history=2-4,strategy=personal}": 0.5,
        "nextclick_prequential_popular_hits_total{history=2-4,strategy=personal}": 2,
        "nextclick_prequential_popular_reciprocal_ranks_total{history=2-4,strategy=personal}": 1.25,
        "nextclick_prequential_opportunities_total{history=1,strategy=popular}": 1,
        "nextclick_prequential_hits_total{history=1,strategy=popular}": 0,
        "nextclick_rekeyed_clicks_total": 5,
        "nextclick_abandoned_batches_total": 1,
        "nextclick_consumer_lag_records{partition=0}": 12,
        "nextclick_consumer_lag_records{partition=3}": 0,
        "nextclick_fetched_records{partition=3}": 7,
        "nextclick_uncommitted_records{partition=3}": 4,
        "nextclick_batches_in_flight": 2,
        "nextclick_event_loop_tasks": 31,
        "nextclick_ready": 0,
        "nextclick_batch_records_count": 1,
        "nextclick_batch_records_sum": 15,
        "nextclick_batch_seconds_count": 1,
        "nextclick_batch_seconds_sum": 0.003,
        "nextclick_click_to_list_seconds_count": 1,
        "nextclick_click_to_list_seconds_sum": 0.02,
    }
    assert expected.items() <= counted.items()


def test_names_follow_the_rules_of_prometheus(metrics: WorkerMetrics) -> None:
    """Lower case, base units, `_total` on counters and on nothing else, one prefix, a help text."""
    assert len(families(metrics)) == 37
    for family in families(metrics):
        assert re.fullmatch(r"nextclick_[a-z]+(_[a-z]+)*", family.name), family.name
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent|total)$", family.name)
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample
    by_type = {family.name: family.type for family in families(metrics)}
    assert by_type["nextclick_batch_seconds"] == by_type["nextclick_click_to_list_seconds"] == "histogram"


def test_no_label_names_a_user_or_an_item(metrics: WorkerMetrics) -> None:
    """Labels have few values: a user id as one would be a series a user, and a leak."""
    labels = {name for family in families(metrics) for sample in family.samples for name in sample.labels}
    assert labels == {
        "outcome",
        "strategy",
        "reason",
        "partition",
        "le",
        "model_id",
        "model_kind",
        "dataset",
        "items",
        "list_length",
        "history",
    }
    assert b"ann" not in re.sub(rb"# .*", b"", generate_latest(metrics.registry))


def test_the_model_is_named(metrics: WorkerMetrics, tiny_artifact: Artifact) -> None:
    """`nextclick_model_info`, 1 with the model in its labels."""
    labels = {
        "model_id": tiny_artifact.manifest.model_id,
        "model_kind": "lstm",
        "dataset": "tiny",
        "items": "30",
        "list_length": "10",
    }
    assert metrics.registry.get_sample_value("nextclick_model_info", labels) == 1


def test_partitions_that_moved_away_have_no_lag(metrics: WorkerMetrics) -> None:
    """A lag that nobody measures any more must not stand still on a dashboard."""
    metrics.set_lag({3: 1})
    assert [name for name in samples(metrics) if "consumer_lag" in name] == [
        "nextclick_consumer_lag_records{partition=3}"
    ]


def test_a_batch_without_lists_has_no_latency(metrics: WorkerMetrics) -> None:
    """Redelivered clicks had their lists long ago: their age would drown the others'."""
    metrics.observe_batch(make_report(redelivered=9), seconds=0.001, oldest_click_age_s=3_600)
    assert samples(metrics)["nextclick_click_to_list_seconds_count"] == 1
    assert samples(metrics)["nextclick_batch_seconds_count"] == 2


def test_clocks_that_disagree_are_no_negative_latency(metrics: WorkerMetrics) -> None:
    """The broker's clock may be ahead of ours."""
    metrics.observe_batch(make_report(applied=1, lists={Strategy.PERSONAL: 1}), seconds=0.001, oldest_click_age_s=-5)
    assert samples(metrics)["nextclick_click_to_list_seconds_sum"] == 0.02


def test_two_workers_in_one_process_do_not_share_counters() -> None:
    """Each has a registry of its own."""
    first, second = WorkerMetrics(), WorkerMetrics()
    first.count_abandoned_batch()
    assert second.registry.get_sample_value("nextclick_abandoned_batches_total") == 0
