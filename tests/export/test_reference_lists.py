import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.artifact import Artifact
from export.reference_lists import ReferenceLists, check_ranking, load_reference_lists
from export.runtime import ModelRuntime
from models.errors import ArtifactError


@pytest.fixture
def copied(tiny_artifact: Artifact, tmp_path: Path) -> Artifact:
    """The tiny artifact in a folder of the test's own; nobody checks its hashes again."""
    return Artifact(Path(shutil.copytree(tiny_artifact.folder, tmp_path / "copied")), tiny_artifact.manifest)


def _of_other_users(reference: ReferenceLists, count: int) -> ReferenceLists:
    """Let the first users' lists change places."""
    top_item = reference.top_item.copy()
    top_item[:count] = np.roll(top_item[:count], 1, axis=0)
    return dataclasses.replace(reference, top_item=top_item, last_score=np.full(len(top_item), 10, np.float32))


def test_a_worker_lists_what_the_exporter_measured(tiny_artifact: Artifact) -> None:
    """On the machine that exported."""
    assert check_ranking(tiny_artifact, ModelRuntime(tiny_artifact)) == tiny_artifact.manifest.ranking.recall == 1.0
    assert tiny_artifact.manifest.ranking.reference_lists == 256


def test_users_have_histories_of_every_length_and_differ(tiny_artifact: Artifact) -> None:
    """256 users in the stored dtype; lists of one user only would prove nothing."""
    reference = load_reference_lists(tiny_artifact)
    hidden, cell = reference.state
    assert hidden.shape == cell.shape == (256, 1, 8)
    assert hidden.dtype == np.float16
    assert reference.top_item.shape == (256, 10)
    assert len(np.unique(reference.top_item, axis=0)) > 200


def test_reading_gives_what_was_written(tiny_artifact: Artifact, tmp_path: Path) -> None:
    """Bit for bit, and twice the same bytes: they are part of the model id."""
    reference = load_reference_lists(tiny_artifact)
    reference.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == tiny_artifact.reference_path.read_bytes()


def test_recall_counts_items_that_should_have_been_listed(tiny_artifact: Artifact) -> None:
    """Half the users get another user's list: those lists still share items with their own."""
    runtime = ModelRuntime(tiny_artifact)
    reference = _of_other_users(load_reference_lists(tiny_artifact), 128)
    found, _ = runtime.rank(reference.state, np.full((256, 5), -1), np.zeros(30, np.float32))
    shared = [
        len(set(one) & set(other)) for one, other in zip(found.tolist(), reference.top_item.tolist(), strict=True)
    ]
    assert reference.recall(runtime) == pytest.approx(sum(shared) / 2_560)
    assert reference.recall(runtime) < 0.9


def test_an_item_with_the_score_of_the_last_is_as_good(tiny_artifact: Artifact) -> None:
    """Where two items tie for the last place, either may have it."""
    reference = load_reference_lists(tiny_artifact)
    worse = reference.top_item.copy()
    worse[:, -1] = -1
    assert dataclasses.replace(reference, top_item=worse).recall(ModelRuntime(tiny_artifact)) == 1.0


def test_a_machine_whose_lists_are_wrong_serves_nothing(copied: Artifact) -> None:
    """The message says how wrong, and two ways out."""
    _of_other_users(load_reference_lists(copied), 256).save(copied.reference_path)
    with pytest.raises(
        ArtifactError, match=r"rank\.onnx lists 0\.\d{4} of the exact top 10 on this machine.*--ranking exact"
    ):
        check_ranking(copied, ModelRuntime(copied))


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_lists_that_cannot_be_read_are_refused(copied: Artifact, content: bytes | None) -> None:
    """A hash may be right and the file still unreadable."""
    if content is None:
        np.savez(copied.reference_path, allow_pickle=False, top_item=np.zeros(1))
    else:
        copied.reference_path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"reference\.npz cannot be read .*: export the model again"):
        load_reference_lists(copied)
