from aiokafka.structs import TopicPartition

from workers.metrics import WorkerMetrics
from workers.readiness import SILENCE_LIMIT_S, Readiness


def test_a_worker_is_ready_once_its_model_is_warm_and_its_states_are_restored() -> None:
    """Each alone is not enough, and the page and the metric say the same."""
    metrics = WorkerMetrics()
    readiness = Readiness(metrics)
    seen = []
    for event in (
        None,
        readiness.model_is_warm,
        readiness.states_are_restored,
        readiness.states_are_moving,
        readiness.states_are_restored,
    ):
        if event is not None:
            event()
        assert readiness.is_ready is (readiness.waiting_for is None)
        assert metrics.registry.get_sample_value("nextclick_ready") == float(readiness.is_ready)
        seen.append(readiness.waiting_for)
    assert seen == ["loading the model", "restoring user states", None, "restoring user states", None]


def test_a_worker_that_starts_says_that_it_reads_the_counts() -> None:
    """There may be two days of them, or nobody who leads their topic."""
    readiness = Readiness(WorkerMetrics())
    with readiness.reading_counts():
        assert readiness.waiting_for == "reading everyone's counts"
    assert readiness.waiting_for == "loading the model"


def test_states_alone_do_not_make_a_worker_ready() -> None:
    """Partitions may arrive before the model is warm."""
    readiness = Readiness(WorkerMetrics())
    readiness.states_are_restored()
    assert readiness.waiting_for == "loading the model"


def test_a_worker_that_no_broker_answers_is_not_ready_until_one_does() -> None:
    """It says since when, and what it waits for first comes first."""
    metrics = WorkerMetrics()
    readiness = Readiness(metrics)
    readiness.broker_is_silent(SILENCE_LIMIT_S + 2)
    assert readiness.waiting_for == "loading the model"
    readiness.model_is_warm()
    readiness.states_are_restored()
    assert readiness.waiting_for == "a broker: none has answered for 12 s"
    assert metrics.registry.get_sample_value("nextclick_ready") == 0
    assert metrics.registry.get_sample_value("nextclick_broker_silence_seconds") == SILENCE_LIMIT_S + 2
    readiness.broker_is_silent(SILENCE_LIMIT_S)
    assert readiness.is_ready
    assert metrics.registry.get_sample_value("nextclick_ready") == 1


def test_a_worker_whose_partitions_nobody_leads_is_not_ready_until_somebody_does() -> None:
    """It names some of them and counts them all."""
    metrics = WorkerMetrics()
    readiness = Readiness(metrics)
    readiness.model_is_warm()
    readiness.states_are_restored()
    readiness.leaders_are_missing([TopicPartition("clicks", number) for number in (1, 4)])
    assert readiness.waiting_for == "leaders: nobody leads clicks/1, clicks/4"
    readiness.leaders_are_missing([TopicPartition("clicks", number) for number in range(5)])
    assert readiness.waiting_for == "leaders: nobody leads clicks/0, clicks/1, clicks/2 and 2 more"
    assert metrics.registry.get_sample_value("nextclick_partitions_without_leader") == 5
    assert metrics.registry.get_sample_value("nextclick_ready") == 0
    readiness.leaders_are_missing([])
    assert readiness.is_ready
