"""SYNTHETIC news: articles and readers made up by chance, for models that know an item by its text. No real data.

Articles appear day and night and are read for a day or two, so that a split by time has cold items: articles of which
training has seen no click. A reader follows a few topics, and now and then drops one for another; in a session he reads
several articles of one of them, and the more so the newer and the better an article is. Everything follows from the
configuration, its seed included: the same configuration makes the same bytes.

Legend: A articles, U readers, S sessions, T topics.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bounds import AtLeastOne, AtLeastZero, Positive
from models.datasets.dataset import Dataset, Recipe, WholeLog
from models.datasets.news_articles import Topics, make_topics, write_article
from models.preparation.cleaning import Cleaning
from models.preparation.click_log import Columns, read_click_log
from models.preparation.cuts import CutAtShare
from models.preparation.timestamps import ORDER_START_MS
from models.session_rule import SessionRule

CLICKS, ARTICLES = "clicks.parquet", "articles.parquet"
RECIPE = Recipe(
    session_rule=SessionRule(by_id=True),
    cut=CutAtShare(0.8, of="sessions"),
    cleaning=Cleaning(min_item_clicks=1, min_session_clicks=2),
    keep_unknown_items=True,
)
MS_PER_HOUR = 3_600_000
MS_PER_DAY = 24 * MS_PER_HOUR
# An article is read within two days; its appeal halves every eight hours.
READ_FOR_MS = 2 * MS_PER_DAY
HALF_LIFE_MS = 8 * MS_PER_HOUR
TOPICS_OF_READER = 3
# The logarithm of how much likelier a reader is to take an article of the session's topic, or of another that he
# follows, than any other article.
SESSION_APPEAL, FOLLOWED_APPEAL = 5.0, 2.5
MEAN_FURTHER_CLICKS = 2.5
MOST_CLICKS = 12
MS_BETWEEN_CLICKS = 60_000.0


class NewsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is made up.

    Attributes:
        articles: A.
        readers: U.
        sessions: S; one in twelve has a single click.
        topics: T.
        days: How long it lasts.
        drift: The chance that a reader drops a topic for another between two of his sessions.
        seed: Of everything.
    """

    articles: AtLeastOne = 4_000
    readers: AtLeastOne = 4_000
    sessions: AtLeastOne = 30_000
    topics: Annotated[int, msgspec.Meta(ge=4)] = 40
    days: Positive = 30.0
    drift: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    seed: AtLeastZero = 0


def make_news(config: NewsConfig) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make articles and clicks up.

    Returns:
        The clicks (user_id, session_id, item_id, timestamp_ms) in order of time, and the articles (item_id, title,
        category, summary, author, published_ms) in the order of their publication.
    """
    generator = np.random.default_rng(config.seed)
    topics = make_topics(config.topics, generator)
    topic = generator.integers(len(topics), size=config.articles)  # (A,)
    published_ms = np.sort(generator.uniform(-READ_FOR_MS, config.days * MS_PER_DAY, config.articles)).astype(np.int64)
    articles = _article_table(topics, topic, published_ms, generator)
    sessions = _sessions(config, topic, published_ms, generator)
    clicks = pl.DataFrame(list(sessions), schema=["user", "session_id", "item", "timestamp_ms"], orient="row")
    table = clicks.select(
        user_id=pl.format("reader-{}", "user"),
        session_id=pl.format("visit-{}", "session_id"),
        item_id=pl.format("article-{}", "item"),
        timestamp_ms=pl.col("timestamp_ms") + ORDER_START_MS,
    )
    return table.sort("timestamp_ms", maintain_order=True), articles


def _article_table(
    topics: Topics, topic: NDArray[np.int64], published_ms: NDArray[np.int64], generator: np.random.Generator
) -> pl.DataFrame:
    articles = [write_article(topics, number, generator) for number in topic.tolist()]
    return pl.DataFrame(
        {
            "item_id": [f"article-{number}" for number in range(len(articles))],
            "title": [article.title for article in articles],
            "category": [topics.category[number] for number in topic.tolist()],
            "summary": [article.summary for article in articles],
            "author": [article.author for article in articles],
            "published_ms": published_ms + ORDER_START_MS,
        }
    )


def _sessions(
    config: NewsConfig, topic: NDArray[np.int64], published_ms: NDArray[np.int64], generator: np.random.Generator
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (reader, session, article, time): session after session in the order of their beginnings."""
    quality = generator.normal(size=config.articles)  # (A,)
    activity = generator.pareto(2.0, size=config.readers) + 0.2
    reader = generator.choice(config.readers, size=config.sessions, p=activity / activity.sum())  # (S,)
    begin_ms = np.sort(generator.uniform(0, config.days * MS_PER_DAY, config.sessions)).astype(np.int64)
    length = np.minimum(1 + generator.poisson(MEAN_FURTHER_CLICKS, config.sessions), MOST_CLICKS)
    followed = np.stack(
        [generator.choice(config.topics, TOPICS_OF_READER, replace=False) for _ in range(config.readers)]
    )  # (U, 3)
    for session, (user, now_ms, clicks) in enumerate(zip(reader, begin_ms, length, strict=True)):
        if generator.random() < config.drift:
            followed[user, generator.integers(TOPICS_OF_READER)] = generator.integers(config.topics)
        # What can be read now is side by side: articles are in the order of their publication.
        first, end = np.searchsorted(published_ms, [now_ms - READ_FOR_MS, now_ms])
        window = topic[first:end]
        appeal = quality[first:end] - (now_ms - published_ms[first:end]) / HALF_LIFE_MS * np.log(2)
        appeal += FOLLOWED_APPEAL * np.isin(window, followed[user])
        appeal += (SESSION_APPEAL - FOLLOWED_APPEAL) * (window == generator.choice(followed[user]))
        # The largest of appeals with Gumbel noise are a draw without replacement by their exponentials (Plackett-Luce).
        chosen = np.argsort(-(appeal + generator.gumbel(size=appeal.size)))[:clicks]
        waited_ms = np.cumsum(generator.exponential(MS_BETWEEN_CLICKS, size=chosen.size)).astype(np.int64)
        for article, at_ms in zip((first + chosen).tolist(), (now_ms + waited_ms).tolist(), strict=True):
            yield int(user), session, article, at_ms


def encode_news(config: NewsConfig) -> Mapping[str, bytes]:
    """Make news up and return the two files."""
    contents = {}
    for name, table in zip((CLICKS, ARTICLES), make_news(config), strict=True):
        buffer = BytesIO()
        table.write_parquet(buffer)
        contents[name] = buffer.getvalue()
    return contents


def load(folder: Path) -> WholeLog:
    """Read what was made up, whatever its configuration."""
    log = read_click_log(folder / CLICKS, Columns(session="session_id"))
    return WholeLog(log, pl.read_parquet(folder / ARTICLES), RECIPE)


SYNTHETIC_NEWS = Dataset(
    name="synthetic-news",
    what="SYNTHETIC news, made up by chance: 4,000 readers, 4,000 articles with text, 105,000 clicks; cold items",
    licence="none needed: generated",
    folder="synthetic-news",
    files=(CLICKS, ARTICLES),
    exclude_seen=True,
    load=load,
    sources={"generator": lambda: encode_news(NewsConfig())},
)
