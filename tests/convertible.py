"""Models as somebody might have them, and what to compare before and after a conversion."""

import torch
from torch import nn

from gannorm.norms.lookup import recognize

IMAGES = (2, 3, 64, 64)


class Generator(nn.Module):
    """Somebody's DCGAN generator: no bias before batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(8, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.main(z if labels is None else z + labels)


def block(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), *(layers or (nn.BatchNorm2d(8),)), nn.ReLU())


def moved(model: nn.Module) -> nn.Module:
    """Return a model whose parameters and statistics are no longer as made."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5)
    return model


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same_state(model: nn.Module, before: dict[str, torch.Tensor]) -> None:
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def norms_in(model: nn.Module) -> list[str]:
    return [found.spec.name for layer in model.modules() if (found := recognize(layer))]
