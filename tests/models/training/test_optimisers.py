import pytest
import torch
from torch import nn

from models.training.optimisers import SGD, Adagrad, Adam, AdamW, OptimiserConfig, RMSProp


@pytest.mark.parametrize(
    "config",
    [
        Adam(learning_rate=0.1),
        AdamW(learning_rate=0.1, weight_decay=0.0),
        Adagrad(learning_rate=1.0),
        RMSProp(learning_rate=0.05),
        RMSProp(learning_rate=0.01, momentum=0.5),
        SGD(learning_rate=0.05),
        SGD(learning_rate=0.05, nesterov=True),
    ],
)
def test_every_optimiser_finds_the_bottom_of_a_parabola(config: OptimiserConfig) -> None:
    """From 3 down (x - 1)^2 to near 1 within 200 steps."""
    parameter = nn.Parameter(torch.tensor(3.0))
    optimiser = config.build([parameter])
    for _ in range(200):
        optimiser.zero_grad()
        parameter.grad = 2.0 * (parameter.detach() - 1.0)
        optimiser.step()
    assert parameter.item() == pytest.approx(1.0, abs=0.1)


def test_settings_reach_the_optimiser() -> None:
    """What the configuration says is what torch is given."""
    group = (
        AdamW(learning_rate=0.3, beta1=0.5, beta2=0.6, epsilon=0.7, weight_decay=0.8)
        .build([nn.Parameter(torch.zeros(1))])
        .param_groups[0]
    )
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (0.3, (0.5, 0.6), 0.7, 0.8)
