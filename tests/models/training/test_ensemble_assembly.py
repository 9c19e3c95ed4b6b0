import pytest
import torch

from models.counts.fitting import CountsFit, Figures
from models.counts.recipe import CountsRecipe
from models.errors import SettingsError
from models.networks.ensemble import EnsembleConfig, EnsembleNetwork
from models.networks.kinds import NetworkConfig
from models.networks.lstm import LSTMConfig
from models.networks.markov import MarkovConfig
from models.networks.popularity import PopularityConfig
from models.training.checkpoint import Checkpoint
from models.training.config import BatchSection, TrainingConfig, ValidationSection
from models.training.counts_fitting import keep_with
from models.training.ensemble_assembly import assemble
from models.training.run import train
from tests.models.training.test_run import make_data

LSTM = LSTMConfig(embedding_size=8, hidden_size=8)


def trained(network: NetworkConfig, *, share: float = 0.25) -> Checkpoint:
    """A member that left out the end of the training period."""
    validation = ValidationSection(share=share)
    if isinstance(network, LSTMConfig):
        batches = BatchSection(lanes=4, loss_divisor=4.0)
        return train(make_data(), TrainingConfig(network=network, epochs=1, batches=batches, validation=validation))
    return train(make_data(), TrainingConfig(network=network, validation=validation))


def test_members_keep_what_they_learned_and_are_weighed() -> None:
    """On a circle the chain knows everything and weighs most; nothing of the members is changed."""
    members = [trained(LSTM), trained(MarkovConfig()), trained(PopularityConfig())]
    checkpoint = assemble(members, make_data())
    assert isinstance(checkpoint.network, EnsembleNetwork)
    for member, original in zip(checkpoint.network.members, members, strict=True):
        for name, tensor in original.network.state_dict().items():
            assert torch.equal(member.state_dict()[name], tensor)
    lstm, markov, _ = checkpoint.network.weights
    assert markov > abs(lstm)
    assert checkpoint.description.network == checkpoint.network.config
    (report,) = checkpoint.description.history
    assert report.validation is not None
    assert report.validation.metrics["Recall@1"] == 1.0


def test_figures_on_the_validation_period_may_leave_out_what_was_clicked() -> None:
    """Sessions of nine clicks go beyond the circle of seven items: two of eight answers have been clicked before."""
    data = make_data(length=9)
    counted = train(data, TrainingConfig(network=MarkovConfig(), validation=ValidationSection(share=0.25)))
    batches, validation = BatchSection(lanes=4, loss_divisor=4.0), ValidationSection(share=0.25)
    lstm = train(data, TrainingConfig(network=LSTM, epochs=1, batches=batches, validation=validation))
    (report,) = assemble([lstm, counted], data, exclude_last=50).description.history
    assert report.validation is not None
    assert report.validation.metrics["Recall@5"] == pytest.approx(6 / 8)


def test_weights_may_be_given() -> None:
    """Members that learned everything have no period to be weighed on; the first one's live counts are its own."""
    useless = CountsFit(CountsRecipe(useless=True), Figures(0.1, 0.2), Figures(0.1, 0.2), 1, 100)
    members = [keep_with(trained(LSTM, share=0.0), useless), trained(MarkovConfig(), share=0.0)]
    description = assemble(members, make_data(), weights=[0.5, 2.0]).description
    assert description.live_counts is None
    network = description.network
    assert isinstance(network, EnsembleConfig)
    assert [member.weight for member in network.members] == [0.5, 2.0]
    with pytest.raises(SettingsError, match="learned all clicks, none are left to fit weights on"):
        assemble(members, make_data())
    with pytest.raises(SettingsError, match="There are 1 weights for 2 members"):
        assemble(members, make_data(), weights=[1.0])


def test_members_of_other_clicks_are_refused() -> None:
    """One left out a quarter, the other a tenth."""
    with pytest.raises(SettingsError, match="do not belong together, their `training_data` differs"):
        assemble([trained(LSTM), trained(MarkovConfig(), share=0.1)], make_data())


def test_an_ensemble_is_no_member() -> None:
    """It would have to be taken apart: name its members instead."""
    inner = assemble([trained(LSTM), trained(MarkovConfig())], make_data())
    with pytest.raises(SettingsError, match="kind ensemble cannot be a member"):
        assemble([trained(LSTM), inner], make_data())


def test_counts_alone_are_no_ensemble() -> None:
    """An error of the settings, like any other, and not a crash."""
    counted = [trained(MarkovConfig(), share=0.0), trained(PopularityConfig(), share=0.0)]
    with pytest.raises(SettingsError, match="make no ensemble: an ensemble needs a member that is trained"):
        assemble(counted, make_data(), weights=[1.0, 1.0])
