import pickle
from pathlib import Path

import pytest

from models.datasets.amazon_beauty_sasrec import join_histories
from models.errors import DataError


def test_the_parts_of_a_split_become_histories_again() -> None:
    """In the order of users; a user of fewer than three reviews has neither validation nor test."""
    split = {"train": {2: [5], 1: [7, 8]}, "val": {1: [9], 2: []}, "test": {1: [4], 2: []}, "umap": {1: 1}}
    assert join_histories(pickle.dumps(split)) == b"1 7 8 9 4\n2 5\n"


@pytest.mark.parametrize("content", [b"no pickle", pickle.dumps({"train": {}}), pickle.dumps({"train": [1]})])
def test_anything_else_is_an_error(content: bytes) -> None:
    """What is not the split is not guessed at."""
    with pytest.raises(DataError, match="not the split that was expected"):
        join_histories(content)


def test_a_pickle_that_calls_something_is_refused() -> None:
    """Reading a pickle must not run what it names."""
    with pytest.raises(DataError, match=r"asks for .*Path"):
        join_histories(pickle.dumps({"train": Path("somewhere")}))
