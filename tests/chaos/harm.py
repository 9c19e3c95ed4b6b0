"""Carries a schedule out: each fault begins at its time, is undone at its time, and is told as it happens."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

from tests.chaos.kafka_cluster import KafkaCluster
from tests.chaos.schedule import BROKER_FAULTS, BROKER_REST_S, Fault, Step
from tests.chaos.worker_slots import WorkerSlot

# Faults under way at one time; the schedule lets fewer overlap.
MOST_AT_ONCE = 8


class Harm:
    """Does the faults of a schedule, each in a thread of its own while it lasts.

    Args:
        slots: The steady workers, and behind them the place of the one that joins.
        cluster: The brokers; None where there are none to break.
        say: Called with the seconds since the start and what was done.

    Attributes:
        done: How often each fault was done.
        woke_ms: When each worker woke up that had slept through its session, by the clock.
        left_out: How many were not, because the one before them at the same place was not undone yet.
    """

    def __init__(
        self, slots: Sequence[WorkerSlot], cluster: KafkaCluster | None, say: Callable[[float, str], None]
    ) -> None:
        self.done: Counter[Fault] = Counter()
        self.woke_ms: list[int] = []
        self.left_out = 0
        self._slots = slots
        self._cluster = cluster
        self._say = say
        self._stop = Event()
        self._one_broker = Lock()
        self._one_fault = [Lock() for _ in slots]
        self._started_s = time.monotonic()

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def carry_out(self, schedule: Sequence[Step], duration_s: float, meanwhile: Callable[[], None]) -> None:
        """Carry out a schedule; at its end everything is undone.

        Args:
            schedule: The faults, in the order of their times.
            duration_s: How long it takes at least.
            meanwhile: Called several times a second.

        Raises:
            BaseException: What a fault's thread raised.
        """
        under_way: list[Future[None]] = []
        with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="fault") as threads:
            try:
                for step in schedule:
                    self._wait_until(step.at_s, meanwhile)
                    under_way.append(threads.submit(self._do, step))
                self._wait_until(duration_s, meanwhile)
                while not all(future.done() for future in under_way):
                    meanwhile()
                    time.sleep(0.1)
            finally:
                self._stop.set()
        for future in under_way:
            future.result()

    def _wait_until(self, at_s: float, meanwhile: Callable[[], None]) -> None:
        while (left_s := self._started_s + at_s - time.monotonic()) > 0:
            meanwhile()
            time.sleep(min(left_s, 0.1))

    def _do(self, step: Step) -> None:
        begin, undo, who = self._how(step)
        place = self._one_broker if step.fault in BROKER_FAULTS else self._one_fault[step.target]
        # To end and to come back may take longer than the schedule gave it: what was to happen there is left out.
        if not place.acquire(blocking=False):
            self._tell(f"{step.fault} {who}: left out, the fault before it is not undone yet")
            self.left_out += 1
            return
        try:
            self._do_now(step, begin, undo, who)
            if step.fault in BROKER_FAULTS:
                self._stop.wait(BROKER_REST_S)
        finally:
            place.release()

    def _do_now(self, step: Step, begin: Callable[[], None], undo: Callable[[], None], who: str) -> None:
        self._tell(f"{step.fault} {who}, for {step.lasts_s:.1f} s")
        begin()
        self.done[step.fault] += 1
        try:
            self._stop.wait(step.lasts_s)
        finally:
            if step.fault is Fault.HANG_WORKER:
                self.woke_ms.append(time.time_ns() // 1_000_000)
            undo()
        self._tell(f"{who} is back" if step.fault is not Fault.JOIN else f"{who} leaves")

    def _how(self, step: Step) -> tuple[Callable[[], None], Callable[[], None], str]:
        """Return what begins a fault, what undoes it, and whom it meets."""
        if step.fault in BROKER_FAULTS:
            cluster, node = self._cluster, step.target
            if cluster is None:
                raise ValueError(f"{step.fault}: this run has no brokers of its own.")
            begin = cluster.kill if step.fault is Fault.KILL_BROKER else cluster.term
            return lambda: begin(node), lambda: cluster.restart(node), f"broker {node + 1}"
        slot = self._slots[step.target]
        how = {
            Fault.KILL_WORKER: (slot.kill, slot.start),
            Fault.TERM_WORKER: (slot.term, slot.start),
            Fault.PAUSE_WORKER: (slot.pause, slot.resume),
            Fault.HANG_WORKER: (slot.pause, slot.resume),
            Fault.JOIN: (slot.start, slot.term),
        }
        return *how[step.fault], slot.name

    def _tell(self, what: str) -> None:
        self._say(self.now_s, what)
