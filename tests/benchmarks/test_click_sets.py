import json

import numpy as np

from benchmarks.click_sets import USERS, make_clicks, zipf_weights
from benchmarks.reference import Reference, compute_reference
from export.artifact import Artifact
from models.preparation.prepared_data import CLICK_SCHEMA


def test_clicks_are_the_same_every_time_and_fewer_are_the_beginning_of_more() -> None:
    many, few = make_clicks(1_000, 5_000), make_clicks(1_000, 100)
    assert many.user[:100].tolist() == few.user.tolist()
    assert many.item_index[:100].tolist() == few.item_index.tolist()
    assert many.head(100).table.equals(few.table)


def test_users_click_equally_often_and_items_by_zipfs_law() -> None:
    clicks = make_clicks(1_000, 200_000)
    assert clicks.user.min() >= 0
    assert clicks.user.max() == USERS - 1
    per_item = np.bincount(clicks.item_index, minlength=1_000)
    assert 0.9 < per_item[0] / (zipf_weights(1_000)[0] * 200_000) < 1.1
    assert 1.8 < per_item[0] / per_item[1] < 2.2
    assert np.bincount(clicks.user).max() < 20


def test_a_click_on_the_wire_is_the_click_of_the_table() -> None:
    clicks = make_clicks(10, 3)
    assert clicks.table.schema == CLICK_SCHEMA
    for number, (user, key, value) in enumerate(clicks.records()):
        row = clicks.table.row(number, named=True)
        message = json.loads(value)
        assert key.decode() == message["user_id"] == row["user_id"] == f"user-{user}"
        assert (message["item_id"], message["timestamp_ms"]) == (row["item_id"], row["timestamp_ms"])
        assert message["event_id"] == f"click-{number}"


def test_the_lists_of_fewer_clicks_are_the_first_of_more(small_artifact: Artifact, reference: Reference) -> None:
    head, alone = reference.head(40), compute_reference(small_artifact, 40, lambda _: None)
    assert np.array_equal(head.top_item, alone.top_item)
    assert np.array_equal(head.top_score, alone.top_score)
