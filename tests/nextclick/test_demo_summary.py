import io
import shutil
import sys
from pathlib import Path

import pytest
from rich.console import Console

from nextclick.demo.latencies import LatencyReport, latency_report
from nextclick.demo.summary import DemoSummary, print_summary, program


def make_summary(*, predictions: int = 90, broker: str = "embedded") -> DemoSummary:
    """A demo of 100 clicks."""
    return DemoSummary(
        dataset="movielens-100k",
        artifact="build/demo/artifact",
        broker=broker,
        model_id="0123456789abcdef",
        reused=(),
        clicks=100,
        users=10,
        predictions=predictions,
        model={"Recall@20": 0.3111, "MRR@20": 0.0766} if predictions else {},
        popularity={"Recall@20": 0.0844, "MRR@20": 0.0182} if predictions else {},
        latency=LatencyReport(14.6, 30.0, 61.2),
        rate=300.0,
        burst_clicks=100,
        lists_per_second=4144.4,
        published_again=0,
        worker_log="build/demo/worker.log",
        seconds=60.0,
    )


def printed(summary: DemoSummary) -> str:
    out = io.StringIO()
    print_summary(summary, Console(file=out, width=120))
    return " ".join(out.getvalue().split())


def test_the_summary_tells_what_happened_and_what_to_try() -> None:
    """Counts, both figures of both, latency and what it is, throughput, where the model is, a command to paste."""
    text = printed(make_summary())
    assert text.startswith("100 real clicks of 10 users went through Kafka, one by one.")
    assert "LSTM 0.3111 0.0766 popularity 0.0844 0.0182 scored 90 clicks" in text
    assert (
        "p50 15 ms, p90 30 ms, p99 61 ms at up to 300 clicks/s, from sending the click to having read its list" in text
    )
    assert "4,144 lists/s for 100 clicks at once; broker, worker and demo on the same" in text
    assert "0123456789abcdef in build/demo/artifact" in text
    assert 'recommend build/demo/artifact --history "star wars,fargo"' in text


def test_a_broker_elsewhere_shares_no_cores() -> None:
    """Only worker and demo are here."""
    assert "; worker and demo on the same" in printed(make_summary(broker="kafka:9092"))


def test_figures_are_left_out_where_nothing_was_scored() -> None:
    """One click a user: no list was there before any."""
    assert "popularity" not in printed(make_summary(predictions=0))


def test_the_commands_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nextclick` where the shell finds it, else its path in the environment, relative where that is shorter."""
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/nextclick")
    assert program() == "nextclick"
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    script = tmp_path / ".venv" / "bin" / "nextclick"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    assert program() == f"{script.with_name('python')} -m nextclick"
    script.touch()
    assert program() == str(script)
    monkeypatch.chdir(tmp_path)
    assert program() == ".venv/bin/nextclick"


def test_percentiles_are_in_milliseconds() -> None:
    """Of 1 to 100 ms."""
    assert latency_report([number / 1000 for number in range(1, 101)]) == LatencyReport(50.5, 90.1, 99.01)
    assert latency_report([]) is None
