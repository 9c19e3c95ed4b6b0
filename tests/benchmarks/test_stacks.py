import pytest

from benchmarks.stacks import stage_shares

MAIN = "main (workers/process.py);run (faust/worker.py);run_forever (asyncio/base_events.py)"
PROCESS = f"{MAIN};process (workers/pipeline.py)"
THREAD = "_bootstrap (threading.py)"
STACKS = [
    f"{PROCESS};rank (workers/ranking.py);ModelRuntime.rank (export/runtime.py);run (onnxruntime/capi/session.py) 50",
    f"{PROCESS};step (workers/stepping.py);ModelRuntime.step (export/runtime.py) 7",
    f"{PROCESS};step (workers/stepping.py);ModelRuntime.step (export/runtime.py);<genexpr> (export/runtime.py) 3",
    f"{PROCESS};_publish (workers/pipeline.py);record (workers/messages.py) 20",
    f"{MAIN};deliver (faust/transport/conductor.py) 8",
    f"{MAIN};EpollSelector.select (selectors.py) 60",
    f"{THREAD};run_forever (asyncio/base_events.py);_proc_fetch_request (aiokafka/consumer/fetcher.py) 6",
    f"{THREAD};_worker (concurrent/futures/thread.py) 100",
    f"{THREAD};somewhere (else.py) 2",
]


def test_a_sample_belongs_to_the_deepest_file_of_ours() -> None:
    assert stage_shares(STACKS, looks=120) == pytest.approx(
        {
            "export/runtime.rank": 50 / 120,
            "workers/messages": 20 / 120,
            "export/runtime.step": 10 / 120,
            "faust/transport/conductor": 8 / 120,
            "aiokafka/consumer/fetcher": 6 / 120,
            "rest": 2 / 120,
            "waiting": 24 / 120,
        }
    )


def test_more_samples_than_looks_leave_nothing_to_wait_for() -> None:
    shares = stage_shares(STACKS, looks=48)
    assert shares["waiting"] == 0
    assert sum(shares.values()) == pytest.approx(1)


def test_small_stages_go_to_the_rest() -> None:
    shares = stage_shares(
        [f"{MAIN};gc (models/sequences/vocabulary.py) 1", f"{MAIN};rank (workers/ranking.py) 999"], looks=1000
    )
    assert shares == pytest.approx({"workers/ranking": 0.999, "rest": 0.001, "waiting": 0.0})
