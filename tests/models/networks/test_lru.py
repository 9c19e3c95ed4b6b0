import msgspec
import pytest
import torch

from models.networks.linear_recurrence import ComplexPair, LinearRecurrence
from models.networks.lru import LRUConfig, LRUNetwork
from models.networks.sequence_network import NetworkInputs
from tests.models.networks.contract import check_chained_steps, check_two_pieces, make_network, share_remembered

SMALL = LRUConfig(embedding_size=6, hidden_size=5, feed_forward_size=7)
NETWORKS = [SMALL, msgspec.structs.replace(SMALL, layers=3, tied=False), msgspec.structs.replace(SMALL, layers=1)]


@pytest.mark.parametrize("feature_width", [0, 2])
@pytest.mark.parametrize("config", NETWORKS)
def test_chained_steps_equal_one_forward_pass(config: LRUConfig, feature_width: int) -> None:
    """One multiply-add per unit and click leads where the scan of training does."""
    check_chained_steps(make_network(config, feature_width=feature_width), clicks=9)


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_forward_pass_in_two_pieces_equals_one_in_one(cut: int) -> None:
    """The scan begins from the state that it is given."""
    check_two_pieces(make_network(SMALL), clicks=7, cut=cut)


def test_it_remembers_the_first_click() -> None:
    """A pattern that the newest clicks say nothing of."""
    config = LRUConfig(
        embedding_size=16, hidden_size=16, layers=1, feed_forward_size=16, dropout=0.0, recurrence_dropout=0.0
    )
    assert share_remembered(config, updates=80) > 0.95


def test_the_scan_is_the_recurrence_written_out() -> None:
    """It is lambda h + gamma (W x + b) in torch's own complex numbers, at lengths around the powers of two."""
    torch.manual_seed(0)
    recurrence = LinearRecurrence(3, 4, smallest_radius=0.5, largest_radius=0.9)
    decay = torch.exp(torch.complex(-recurrence.nu_log.exp(), recurrence.theta_log.exp()))
    for length in (1, 2, 3, 4, 5, 8, 9):
        inputs, start = torch.randn(2, length, 3), torch.randn(2, 4, dtype=torch.complex64)
        driven = torch.complex(recurrence.input_real(inputs), recurrence.input_imaginary(inputs))
        hidden, expected = start, []
        for position in range(length):
            hidden = decay * hidden + recurrence.gamma_log.exp() * driven[:, position]
            expected.append(hidden)
        scanned = recurrence(inputs, ComplexPair(start.real, start.imag))
        torch.testing.assert_close(torch.complex(scanned.real, scanned.imaginary), torch.stack(expected, dim=1))


def test_first_decays_lie_in_the_ring() -> None:
    """Drawn evenly over the ring's area, the squares of the radii are even; gamma keeps the states of unit variance."""
    torch.manual_seed(0)
    recurrence = LinearRecurrence(2, 4_000, smallest_radius=0.8, largest_radius=0.99)
    squared = recurrence.decay.real.square() + recurrence.decay.imaginary.square()
    assert 0.64 - 1e-5 <= squared.min() < 0.65
    assert 0.97 < squared.max() <= 0.9801 + 1e-5
    assert squared.mean().item() == pytest.approx((0.64 + 0.9801) / 2, abs=0.01)
    torch.testing.assert_close(recurrence.gamma_log.exp().square(), 1 - squared)


def test_the_query_is_the_newest_output() -> None:
    """Residual connections carry the newest click past the recurrence: the state must hold what came of it."""
    network = make_network(SMALL)
    assert network.state_shapes == {"real": (2, 5), "imaginary": (2, 5), "output": (6,)}
    state = network.step(torch.tensor([4]), torch.zeros(1, 0), network.initial_state(1))
    assert torch.equal(network.query(state), state[2])


def test_first_weights_are_small_and_cut_off() -> None:
    """As published: a normal distribution of deviation .02 within twice that; norms and decays are left alone."""
    torch.manual_seed(0)
    network = LRUNetwork(LRUConfig(), NetworkInputs(500))
    weights = network.items.embedding.weight
    assert weights.abs().max() <= 0.04
    assert 0.016 < weights.std().item() < 0.02
    assert torch.equal(network.norm.weight, torch.ones(64))


def test_a_ring_without_area_is_refused() -> None:
    """The radii in the wrong order would be the logarithm of a negative number."""
    with pytest.raises(msgspec.ValidationError, match=r"smallest_radius 0\.9 is not below largest_radius 0\.5"):
        msgspec.json.decode(b'{"kind": "lru", "smallest_radius": 0.9, "largest_radius": 0.5}', type=LRUConfig)
