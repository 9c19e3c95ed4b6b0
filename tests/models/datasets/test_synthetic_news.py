from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from models.datasets.news_articles import SUBJECTS, make_topics, write_article
from models.datasets.synthetic_news import NewsConfig, encode_news, load, make_news
from models.preparation.preparing import prepare_log

SMALL = NewsConfig(articles=200, readers=40, sessions=300, topics=10, days=10.0)


def test_the_same_configuration_makes_the_same_bytes() -> None:
    """And another seed other ones."""
    assert encode_news(SMALL) == encode_news(SMALL)
    assert encode_news(SMALL) != encode_news(msgspec.structs.replace(SMALL, seed=1))


def test_nothing_is_read_before_it_is_published() -> None:
    """Every click is on an article of the catalogue that is out, two days old at most when the session begins."""
    clicks, articles = make_news(SMALL)
    assert articles.columns == ["item_id", "title", "category", "summary", "author", "published_ms"]
    age_ms = clicks.join(articles, on="item_id").select(pl.col("timestamp_ms") - pl.col("published_ms")).to_series()
    assert len(age_ms) == len(clicks)
    assert age_ms.min() >= 0  # type: ignore[operator]
    assert age_ms.max() < 2.1 * 24 * 3_600_000  # type: ignore[operator]
    assert clicks.select("session_id", "item_id").is_unique().all()


def test_a_split_by_time_has_cold_items(tmp_path: Path) -> None:
    """Test clicks on articles that no training click is on stay: two of three, of two days."""
    for name, content in encode_news(SMALL).items():
        (tmp_path / name).write_bytes(content)
    source = load(tmp_path)
    prepared = prepare_log("news", source.log, source.recipe, catalogue=source.catalogue)
    is_cold = ~prepared.test["item_id"].is_in(prepared.train["item_id"].unique().to_list())
    assert is_cold.mean() == pytest.approx(0.7, abs=0.1)
    assert "items that train does not know included" in prepared.description.split


def test_readers_follow_topics() -> None:
    """Most of a session's clicks are on one category of eight: text can tell what comes next."""
    clicks, articles = make_news(SMALL)
    category = clicks.join(articles, on="item_id", maintain_order="left")["category"]
    goes_on = ~clicks["session_id"].is_first_distinct()
    assert (category == category.shift()).filter(goes_on).mean() == pytest.approx(0.6, abs=0.25)


def test_text_tells_the_category() -> None:
    """Title and summary use the subjects of the topic's category."""
    generator = np.random.default_rng(0)
    topics = make_topics(8, generator)
    for topic in range(8):
        article = write_article(topics, topic, generator)
        first = article.title.split()[1]
        assert first in SUBJECTS[topics.category[topic]].split()
        assert topics.category[topic] in article.summary
