import pytest

from models.training.schedules import Constant, Cosine, StepDecay, learning_rate_factor


def test_constant_never_changes() -> None:
    """The factor is 1 from the first step to the last."""
    assert [learning_rate_factor(Constant(), progress, 4) for progress in (0.01, 2.0, 4.0)] == [1.0, 1.0, 1.0]


def test_a_warm_up_rises_linearly_and_then_stays() -> None:
    """Half of a two-epoch warm-up is half of the learning rate."""
    schedule = Constant(warmup_epochs=2.0)
    assert [learning_rate_factor(schedule, progress, 4) for progress in (0.5, 1.0, 2.0, 3.0)] == [0.25, 0.5, 1.0, 1.0]


def test_step_decay_halves_after_whole_epochs() -> None:
    """The last batch of an epoch still belongs to it."""
    schedule = StepDecay(every_epochs=2, gamma=0.5)
    factors = [learning_rate_factor(schedule, progress, 6) for progress in (0.1, 2.0, 2.1, 4.0, 6.0)]
    assert factors == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_cosine_ends_at_its_final_factor() -> None:
    """Half way down in the middle, all the way at the end."""
    schedule = Cosine(final_factor=0.2)
    assert learning_rate_factor(schedule, 2.0, 4) == pytest.approx(0.6)
    assert learning_rate_factor(schedule, 4.0, 4) == pytest.approx(0.2)


def test_a_warm_up_multiplies_what_comes_after_it() -> None:
    """Cosine runs on while the warm-up rises."""
    assert learning_rate_factor(Cosine(warmup_epochs=2.0), 1.0, 2) == pytest.approx(0.25)
