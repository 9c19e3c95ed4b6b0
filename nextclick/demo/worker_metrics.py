"""What the worker says it did, from its /metrics page, beside what was seen from outside."""

import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from models.errors import NextclickError

# A batch is counted after its state is saved, moments after its lists can be read.
AGREE_WITHIN_S = 5.0


def counted(page: str, name: str) -> dict[str, float]:
    """Return a counter's value for each value of its one label.

    Args:
        page: In Prometheus' text format.
        name: Without `_total`.
    """
    samples = (
        sample
        for family in text_string_to_metric_families(page)
        if family.name == name
        for sample in family.samples
        if sample.name == f"{name}_total"
    )
    return {next(iter(sample.labels.values()), ""): sample.value for sample in samples}


def require_agreement(read_page: Callable[[], str | None], *, clicks: int) -> None:
    """Return once the worker has counted each click applied, once, and a list for each.

    Args:
        read_page: Gets the /metrics page; None where it does not answer.
        clicks: How many were sent.

    Raises:
        NextclickError: If it counts otherwise; the message has its figures.
    """
    deadline = time.monotonic() + AGREE_WITHIN_S
    while True:
        page = read_page() or ""
        outcomes = {outcome: int(count) for outcome, count in counted(page, "nextclick_clicks").items() if count}
        lists = int(sum(counted(page, "nextclick_lists").values()))
        if outcomes.get("applied") == clicks and not outcomes.get("dead_letter") and lists >= clicks:
            return
        if time.monotonic() > deadline:
            raise NextclickError(
                f"The worker counts clicks {outcomes} and {lists:,} lists, but {clicks:,} clicks were sent and "
                "answered: one of the two is wrong. Please report it, with the worker's log."
            )
        time.sleep(0.1)
