"""A worker's own pages, as this page reads them: whether it is ready, what it counts, a user's list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from models.errors import NextclickError
from workers.user_list_page import PREFIX

# A paused worker takes the connection and never answers.
TIMEOUT = aiohttp.ClientTimeout(total=1.0)
OK = 200

Labels = tuple[tuple[str, str], ...]
Samples = Mapping[tuple[str, Labels], float]


@dataclass(frozen=True)
class WorkerReading:
    """What a worker said at one moment.

    Attributes:
        answers: Whether it said anything.
        is_ready: Whether `/readyz` answers 200.
        waits_for: What it waits for where it is not ready.
        samples: `/metrics`, by series and labels.
    """

    answers: bool = False
    is_ready: bool = False
    waits_for: str = ""
    samples: Samples = field(default_factory=dict)

    def by_label(self, name: str) -> dict[str, float]:
        """Return a series' values by its one label."""
        return {labels[0][1]: value for (series, labels), value in self.samples.items() if series == name and labels}

    def total(self, name: str) -> float:
        """Return the sum of a series over its labels."""
        return sum(value for (series, _), value in self.samples.items() if series == name)

    @property
    def partitions(self) -> list[int]:
        """The partitions of the click topic that it has, as its lag names them."""
        return sorted(int(number) for number in self.by_label("nextclick_consumer_lag_records"))


async def read_worker(session: aiohttp.ClientSession, url: str) -> WorkerReading:
    """Return what a worker says now; a worker that does not answer says nothing."""
    try:
        async with session.get(f"{url}/readyz", timeout=TIMEOUT) as answer:
            is_ready, said = answer.status == OK, (await answer.text()).strip()
        async with session.get(f"{url}/metrics", timeout=TIMEOUT) as answer:
            samples = dict(_samples(await answer.text())) if answer.status == OK else {}
    except (aiohttp.ClientError, TimeoutError):
        return WorkerReading()
    return WorkerReading(answers=True, is_ready=is_ready, waits_for="" if is_ready else said, samples=samples)


async def read_user_list(session: aiohttp.ClientSession, url: str, user_id: str) -> bytes | None:
    """Return the list that a user would be given now, its bytes as the worker sends them; None where it sends none."""
    try:
        async with session.get(f"{url}{PREFIX}{user_id}", timeout=TIMEOUT) as answer:
            return await answer.read() if answer.status == OK else None
    except (aiohttp.ClientError, TimeoutError):
        return None


def _samples(text: str) -> Iterator[tuple[tuple[str, Labels], float]]:
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                yield (sample.name, tuple(sorted(sample.labels.items()))), float(sample.value)
    except ValueError as error:
        raise NextclickError(f"A worker's /metrics cannot be read: {error}.") from error
