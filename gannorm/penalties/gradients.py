"""Penalties of the discriminator's gradient at images: each image's own, computed in float32 or more.

The gradient is that of the sum of all logits, which is each image's own only where the discriminator judges each image
by itself; batch norm in it makes something else of all of these.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm.penalties.penalty import Discriminator, Penalty

Logits = Callable[[Tensor], Tensor]
Images = Float[Tensor, "n ..."]


def input_gradients(discriminator: Logits, images: Images) -> Images:
    """Return ∇ₓD(x) at each image, (N, ...), from which gradients can go on to the discriminator's parameters.

    Example:
        >>> input_gradients(lambda x: (x**2).sum(1), torch.tensor([[1.0, 2.0]])).tolist()
        [[2.0, 4.0]]
    """
    images = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
    with torch.autocast(images.device.type, enabled=False):
        (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients


def half_squared_norm(gradients: Images) -> Float[Tensor, ""]:
    """Return the mean over images of ½‖∇‖², summed over all pixels.

    Example:
        >>> half_squared_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor(6.2500)
    """
    return gradients.flatten(1).square().sum(1).mean() / 2


def between(real: Images, fake: Images, generator: torch.Generator) -> Images:
    """Return ε·real + (1 − ε)·fake, one ε of U[0, 1] for each pair of images.

    Args:
        real: Real images.
        fake: As many fake ones.
        generator: Of ε, on the CPU.

    Raises:
        ValueError: They are not as many.

    Example:
        >>> between(torch.ones(2, 3), torch.zeros(2, 3), torch.Generator().manual_seed(0))
        tensor([[0.4963, 0.4963, 0.4963],
                [0.7682, 0.7682, 0.7682]])
    """
    if real.shape != fake.shape:
        raise ValueError(f"real images {tuple(real.shape)} and fakes {tuple(fake.shape)} cannot be mixed in pairs")
    share = torch.rand(len(real), generator=generator).to(real).reshape(-1, *[1] * (real.ndim - 1))
    return share * real.detach() + (1 - share) * fake.detach()


def r1(discriminator: Logits, real: Images) -> Float[Tensor, ""]:
    """Return ½ E‖∇D(real)‖², summed over pixels; strength is the paper's γ.

    Example:
        >>> r1(lambda x: 2 * x[:, 0], torch.zeros(4, 3))
        tensor(2.)
    """
    return half_squared_norm(input_gradients(discriminator, real))


def r2(discriminator: Logits, fake: Images) -> Float[Tensor, ""]:
    """Return ½ E‖∇D(fake)‖², summed over pixels; strength is the paper's γ.

    Example:
        >>> r2(lambda x: 2 * x[:, 0], torch.zeros(4, 3))
        tensor(2.)
    """
    return half_squared_norm(input_gradients(discriminator, fake))


def wgan_gp(discriminator: Logits, real: Images, fake: Images, generator: torch.Generator) -> Float[Tensor, ""]:
    """Return E(‖∇D(x̂)‖ − 1)² at x̂ between a real and a fake image; strength is the paper's λ.

    Example:
        >>> wgan_gp(lambda x: 3 * x[:, 0], torch.zeros(4, 2), torch.ones(4, 2), torch.Generator())
        tensor(4.)
    """
    gradients = input_gradients(discriminator, between(real, fake, generator))
    return (torch.linalg.vector_norm(gradients.flatten(1), dim=1) - 1).square().mean()


def zero_centred_gp(discriminator: Logits, real: Images, fake: Images, generator: torch.Generator) -> Float[Tensor, ""]:
    """Return E‖∇D(x̂)‖² at x̂ between a real and a fake image; strength is the paper's λ.

    The gradient is the logit's, as that of all penalties here; the authors' code takes that of σ(logit).

    Example:
        >>> zero_centred_gp(lambda x: 3 * x[:, 0], torch.zeros(4, 2), torch.ones(4, 2), torch.Generator())
        tensor(9.)
    """
    return 2 * half_squared_norm(input_gradients(discriminator, between(real, fake, generator)))


class R1(Penalty):
    """Zero gradient at real images, see `r1`; γ = 10 is the paper's."""

    name = "r1"
    paper = "Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018, section 4.1"
    of_gradient = True
    usual_strength = 10.0

    def term(self, discriminator: Discriminator, real: Images, fake: Images, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """Return `r1`."""
        return r1(discriminator, real)


class R2(Penalty):
    """Zero gradient at fake images, see `r2`; γ = 10 is the paper's."""

    name = "r2"
    paper = "Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018, section 4.1"
    of_gradient = True
    usual_strength = 10.0

    def term(self, discriminator: Discriminator, real: Images, fake: Images, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """Return `r2`."""
        return r2(discriminator, fake)


class WGANGP(Penalty):
    """Gradient of length one between real and fake images, see `wgan_gp`; λ = 10 is the paper's."""

    name = "wgan_gp"
    paper = "Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3"
    of_gradient = True
    usual_strength = 10.0

    def term(self, discriminator: Discriminator, real: Images, fake: Images, generator: torch.Generator) -> Tensor:
        """Return `wgan_gp`."""
        return wgan_gp(discriminator, real, fake, generator)


class ZeroCentredGP(Penalty):
    """Zero gradient between real and fake images, see `zero_centred_gp`; the default λ = 10 is that of `wgan_gp`."""

    name = "zero_centred_gp"
    paper = "Thanh-Tung et al., Improving Generalization and Stability of Generative Adversarial Networks, 2019"
    of_gradient = True
    usual_strength = 10.0

    def term(self, discriminator: Discriminator, real: Images, fake: Images, generator: torch.Generator) -> Tensor:
        """Return `zero_centred_gp`."""
        return zero_centred_gp(discriminator, real, fake, generator)
