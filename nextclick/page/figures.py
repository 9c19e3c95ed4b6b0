"""The figures of everybody, once a second: from the account of the topics and from the workers' counters."""

import time
from collections import Counter, deque

import numpy as np

from nextclick.page.account import Balance, ClickAccount
from nextclick.page.counters import CounterSums
from nextclick.page.messages import FiguresMessage, Latency, Quality

# What the percentiles look back on, and what a browser that comes later is shown.
LATENCIES_OF_S = 5.0
FIGURES_KEPT = 120


class FigureBoard:
    """Takes the figures of one second after the other.

    Args:
        account: What became of the clicks.
        counters: What the workers count.
    """

    def __init__(self, account: ClickAccount, counters: CounterSums) -> None:
        self._account = account
        self._counters = counters
        self._before: tuple[float, Balance] | None = None
        self.letters: Counter[str] = Counter()
        self.kept: deque[FiguresMessage] = deque(maxlen=FIGURES_KEPT)

    def take(self, *, rate: float | None, trouble: str) -> FiguresMessage:
        """Return the figures of the second that has just passed."""
        now_s = time.time()
        self._account.tick()
        balance = self._account.balance()
        before_s, before = self._before or (now_s - 1, balance)
        self._before = (now_s, balance)
        seconds = now_s - before_s
        figures = FiguresMessage(
            at_s=now_s,
            balance=balance,
            clicks_per_s=(balance.records - before.records) / seconds,
            lists_per_s=(balance.listed + balance.again - before.listed - before.again) / seconds,
            latency=_latency(self._account.latencies_ms(now_s - LATENCIES_OF_S)),
            quality=self._quality(),
            reasons=dict(self.letters.most_common()),
            rate=rate,
            trouble=trouble,
        )
        self.kept.append(figures)
        return figures

    def _quality(self) -> Quality | None:
        sum_of = self._counters.sum_of
        clicks = sum_of("opportunities")
        if not clicks:
            return None
        return Quality(
            clicks=int(clicks),
            hit_rate=sum_of("hits") / clicks,
            mrr=sum_of("reciprocal_ranks") / clicks,
            popular_hit_rate=sum_of("popular_hits") / clicks,
            popular_mrr=sum_of("popular_reciprocal_ranks") / clicks,
        )


def _latency(latencies_ms: list[int]) -> Latency | None:
    if not latencies_ms:
        return None
    p50, p90, p99 = np.percentile(latencies_ms, (50, 90, 99)).tolist()
    return Latency(p50, p90, p99)
