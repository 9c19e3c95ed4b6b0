"""e-shop clothing 2008: five months of clicks in a Polish shop for maternity clothes, as the shop logged them.

Lapczynski and Bialowas (2013), UCI Machine Learning Repository 553. The log has the day and the order of the clicks in
a session, no clock. Prepared by the recipe below, it becomes the `eshop` split, click for click.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from models.datasets.dataset import Dataset, Recipe, WholeLog
from models.datasets.fetching import download, unzip
from models.datasets.order_of_day import order_to_ms
from models.errors import DataError
from models.preparation.cleaning import Cleaning
from models.preparation.click_log import ClickLog
from models.preparation.cuts import CutAt
from models.preparation.log_records import read_records
from models.preparation.prepared_data import CLICK_SCHEMA
from models.session_rule import SessionRule

LOG = "e-shop-clothing-2008.csv"
OFFICIAL = "https://archive.ics.uci.edu/static/public/553/clickstream+data+for+online+shopping.zip"
OFFICIAL_CLICKS = 165_474
MODEL = "page 2 (clothing model)"
ATTRIBUTES = ("page 1 (main category)", "colour", "price", "location", "model photography", "price 2", "page")
COLUMNS = ("year", "month", "day", "order", "session ID", MODEL, *ATTRIBUTES)
CATEGORIES = {"1": "trousers", "2": "skirts", "3": "blouses", "4": "sale"}
COLOURS = {
    "1": "beige",
    "2": "black",
    "3": "blue",
    "4": "brown",
    "5": "burgundy",
    "6": "gray",
    "7": "green",
    "8": "navy blue",
    "9": "many-coloured",
    "10": "olive",
    "11": "pink",
    "12": "red",
    "13": "violet",
    "14": "white",
}
LOCATIONS = {
    "1": "top left",
    "2": "top middle",
    "3": "top right",
    "4": "bottom left",
    "5": "bottom middle",
    "6": "bottom right",
}
PHOTOS = {"1": "front", "2": "profile"}
PRICE_LEVELS = {"1": "above", "2": "below"}  # the mean price of the category
RECIPE = Recipe(
    session_rule=SessionRule(by_id=True),
    cut=CutAt(int(datetime(2008, 8, 1, tzinfo=UTC).timestamp()) * 1000),
    # Nothing tells a duplicate from a product that was clicked twice: the order makes every click different.
    cleaning=Cleaning(duplicates=False, min_item_clicks=5, min_session_clicks=2),
)


def load(folder: Path) -> WholeLog:
    """Read the log, and make a catalogue of what it says about each product."""
    path = min(folder.glob(f"{LOG}*"))
    records = read_records(path, COLUMNS, separator=";")
    table = records.table
    numbers = [pl.col(name).cast(pl.Int64, strict=False) for name in ("year", "month", "day", "order")]
    clicks = table.select(
        user_id="session ID",
        session_id="session ID",
        item_id=MODEL,
        timestamp_ms=order_to_ms(*numbers),
        event_type=pl.lit(None, pl.String),
        value=pl.lit(None, pl.Float64),
    ).cast(CLICK_SCHEMA)
    if records.malformed.counts or clicks.select("user_id", "item_id", "timestamp_ms").null_count().sum_horizontal()[0]:
        raise DataError(f"{path} is damaged: it has lines without a session, a product or a day. Fetch it again.")
    return WholeLog(ClickLog(clicks, malformed=()), _catalogue(table), RECIPE)


def _catalogue(table: pl.DataFrame) -> pl.DataFrame:
    # One product is listed under two categories, many in two places: where it was clicked most often is its own.
    most_often = [pl.col(name).mode().sort().first() for name in ATTRIBUTES]
    products = table.group_by(pl.col(MODEL).alias("item_id"), maintain_order=True).agg(most_often)
    category = pl.col("page 1 (main category)").replace_strict(CATEGORIES, default=None)
    colour = pl.col("colour").replace_strict(COLOURS, default=None)
    return products.select(
        "item_id",
        title=pl.concat_str(colour, category, "item_id", separator=" ", ignore_nulls=True),
        category=category,
        colour=colour,
        price=pl.col("price").cast(pl.Float64, strict=False),
        page=pl.col("page"),
        location=pl.col("location").replace_strict(LOCATIONS, default=None),
        photo=pl.col("model photography").replace_strict(PHOTOS, default=None),
        price_level=pl.col("price 2").replace_strict(PRICE_LEVELS, default=None),
    )


def fetch_from_uci() -> Mapping[str, bytes]:
    """Read the log out of UCI's archive; UCI publishes no checksum, so the number of clicks has to serve."""
    contents = unzip(download(OFFICIAL), {LOG: "e-shop clothing 2008.csv"}, OFFICIAL)
    clicks = len(contents[LOG].splitlines()) - 1
    if clicks != OFFICIAL_CLICKS:
        raise DataError(f"{OFFICIAL} has {clicks} clicks, not {OFFICIAL_CLICKS}: UCI has changed it.")
    return contents


ESHOP_2008 = Dataset(
    name="eshop-2008",
    what="clothing shop, the whole log: 24,026 sessions, 217 products, 165,474 clicks; categories and colours",
    licence="CC BY 4.0 (UCI Machine Learning Repository 553)",
    folder="eshop-clothing-2008",
    files=(f"{LOG}*",),
    exclude_seen=False,
    load=load,
    sources={"official": fetch_from_uci},
)
