"""What is read of the parameters of both networks: scales and shifts of norms, gradients, singular values."""

import torch
from torch import Tensor

from gannorm.callbacks.exhibits import norms_of, players
from gannorm.gan import GAN
from gannorm.metrics.layers import weight_layers
from gannorm.metrics.spectra import as_matrix, spectrum

GREEK = {"gamma": "weight", "beta": "bias"}


def scales(gan: GAN) -> dict[str, float]:
    """Return the root mean square of γ and of β of each norm that has them, and the norms of their gradients."""
    found: dict[str, float] = {}
    for player, network in players(gan).items():
        for name, layer in norms_of(network).items():
            for greek, attribute in GREEK.items():
                if isinstance(value := getattr(layer, attribute, None), Tensor):
                    found |= {f"norm/{player}/{name}/{greek}{key}": size for key, size in sizes(value).items()}
    return found


def sizes(parameter: Tensor) -> dict[str, float]:
    """Return the root mean square of a parameter, and the norm of its gradient where it has one."""
    value = {"": float(parameter.detach().double().square().mean().sqrt())}
    gradient = parameter.grad
    return value if gradient is None else value | {"_gradient": float(gradient.double().norm())}


def layer_gradients(gan: GAN) -> dict[str, float]:
    """Return the norm of the gradient of each weight layer's parameters that the last step took, as it was applied."""
    found = {}
    for player, network in players(gan).items():
        for name, layer in weight_layers(network).items():
            gradients = [parameter.grad for parameter in layer.parameters() if parameter.grad is not None]
            if gradients:
                found[f"gradient/{player}/{name}"] = float(torch.stack(torch._foreach_norm(gradients)).norm())
    return found


@torch.no_grad()
def spectra(gan: GAN) -> dict[str, float]:
    """Return of each weight, as the network uses it, the largest singular value, the median one and the effective rank.

    Call it where buffers are held still: a spectral norm would take a step of its power iteration.
    """
    return {
        f"spectrum/{player}/{name}/{key}": value
        for player, network in players(gan).items()
        for name, layer in weight_layers(network).items()
        for key, value in spectrum(as_matrix(layer, used=True)).items()
    }
