"""Which fault, when, to whom and for how long: all of it from a seed, before anything starts.

Faults are dealt from a shuffled deck, and the deck is shuffled again when it is used up: every kind comes up early and
often, in an order that only the seed knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """What is done to a worker or a broker; each is undone after a while."""

    KILL_WORKER = "kill -9 worker"
    TERM_WORKER = "SIGTERM worker"
    PAUSE_WORKER = "SIGSTOP worker"  # for less than the session timeout
    HANG_WORKER = "SIGSTOP worker beyond its session"
    JOIN = "another worker joins"  # and leaves again
    KILL_BROKER = "kill -9 broker"
    TERM_BROKER = "SIGTERM broker"


WORKER_FAULTS = (Fault.KILL_WORKER, Fault.TERM_WORKER, Fault.PAUSE_WORKER, Fault.HANG_WORKER, Fault.JOIN)
BROKER_FAULTS = (Fault.KILL_BROKER, Fault.TERM_BROKER)
# Killed twice as often as the rest: the crash is what the promises are about.
DECK = (*WORKER_FAULTS, Fault.KILL_WORKER, *BROKER_FAULTS)
# A broker that is back follows the others before the next one goes: with two of three away nothing can be written.
BROKER_REST_S = 8.0
MEAN_PAUSE_S = 5.0
# How long a fault lasts, as fractions and multiples of the session timeout for those that are about it.
SECONDS = {
    Fault.KILL_WORKER: (0.5, 5.0),
    Fault.TERM_WORKER: (0.5, 5.0),
    Fault.JOIN: (10.0, 25.0),
    Fault.KILL_BROKER: (3.0, 12.0),
    Fault.TERM_BROKER: (3.0, 12.0),
}
SESSIONS = {Fault.PAUSE_WORKER: (0.1, 0.6), Fault.HANG_WORKER: (1.3, 2.0)}


@dataclass(frozen=True)
class Step:
    """One fault.

    Attributes:
        at_s: When, after the start.
        fault: What.
        target: Which worker or broker, from 0; a worker that joins has the number after the steady ones.
        lasts_s: When it is undone, after `at_s`.
    """

    at_s: float
    fault: Fault
    target: int
    lasts_s: float

    @property
    def ends_s(self) -> float:
        """When it is undone, after the start."""
        return self.at_s + self.lasts_s


def make_schedule(
    seed: int, *, duration_s: float, workers: int, brokers: int, session_timeout_s: float, deck: Sequence[Fault] = DECK
) -> list[Step]:
    """Return the faults of a run, in the order of their times; each is undone before the run ends.

    At most one broker is away at a time, and one worker of the steady ones is always left alone.

    Args:
        seed: Decides everything.
        duration_s: Length of the run.
        workers: Steady workers.
        brokers: Nodes of the cluster; broker faults are left out where there are fewer than three.
        session_timeout_s: After which a silent worker loses its partitions.
        deck: The faults, each as often as it is to come up.
    """
    random = Random(seed)
    usable = [fault for fault in deck if brokers >= 3 or fault not in BROKER_FAULTS]
    steps: list[Step] = []
    dealt: list[Fault] = []
    at_s = MEAN_PAUSE_S
    while at_s < duration_s:
        if not dealt:
            dealt = random.sample(usable, len(usable))
        fault = dealt.pop()
        step = Step(at_s, fault, 0, _lasts_s(fault, session_timeout_s, random))
        targets = _free_targets(step, steps, workers=workers, brokers=brokers)
        if targets and step.ends_s < duration_s:
            steps.append(Step(at_s, fault, random.choice(targets), step.lasts_s))
        at_s += random.uniform(0.4, 1.6) * MEAN_PAUSE_S
    return steps


def _lasts_s(fault: Fault, session_timeout_s: float, random: Random) -> float:
    if fault in SESSIONS:
        return random.uniform(*SESSIONS[fault]) * session_timeout_s
    return random.uniform(*SECONDS[fault])


def _free_targets(step: Step, earlier: Sequence[Step], *, workers: int, brokers: int) -> list[int]:
    """Return whom the fault may meet."""
    under_way = [one for one in earlier if one.ends_s > step.at_s]
    if step.fault in BROKER_FAULTS:
        resting = any(one.fault in BROKER_FAULTS and one.ends_s + BROKER_REST_S > step.at_s for one in earlier)
        return [] if resting else list(range(brokers))
    if step.fault is Fault.JOIN:
        return [] if any(one.fault is Fault.JOIN for one in under_way) else [workers]
    busy = {one.target for one in under_way if one.fault not in BROKER_FAULTS}
    free = [number for number in range(workers) if number not in busy]
    return free if len(free) > 1 or workers == 1 else []
