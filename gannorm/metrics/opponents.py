"""What a discriminator's answers say of the two players: gaps, spreads and gradients; and how stale statistics are."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor


def logit_gap(real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " m"]) -> float:
    """Return the mean logit of real samples minus that of fakes: 0 where the discriminator cannot tell them apart.

    In the logits' own unit: divided by their spread it would no longer show a discriminator whose answers explode.

    Example:
        >>> logit_gap(torch.tensor([1.0, 3.0]), torch.tensor([-1.0]))
        3.0
    """
    return float(real_logits.double().mean() - fake_logits.double().mean())


def deviation_ratio(fake_features: Float[Tensor, "n d"], real_features: Float[Tensor, "m d"]) -> float | None:
    """Return the mean standard deviation of features of fakes over that of real ones; None where these have none.

    Source: the idea is that of the minibatch standard deviation, T. Karras et al., Progressive Growing of GANs, 2018.

    Example:
        >>> deviation_ratio(torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [4.0]]))
        0.5
    """
    wanted = float(real_features.detach().double().std(0).mean())
    return float(fake_features.detach().double().std(0).mean()) / wanted if wanted else None


def input_gradients(
    discriminator: Callable[[Tensor], Tensor], samples: Float[Tensor, "n ..."]
) -> tuple[float, float | None]:
    """Return the mean norm of ∂D(x)/∂x over samples, and the mean cosine between the gradients of two of them.

    A cosine near 1 means that the discriminator pulls all samples the same way, whatever they are (Salimans et al. 2016
    on why generators collapse). No parameter's gradient is touched. With a norm over the batch in the discriminator the
    gradient is that of the sum of all logits. None where all gradients are 0, or there is one sample.

    Example:
        >>> norm, cosine = input_gradients(lambda x: x.sum(1), torch.randn(4, 9))
        >>> round(norm, 4), round(cosine, 4)
        (3.0, 1.0)
    """
    with torch.enable_grad():
        inputs = samples.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(discriminator(inputs).sum(), inputs)
    rows = gradient.detach().double().flatten(1)
    norms = rows.norm(dim=1)
    pointing = rows[norms > 0] / norms[norms > 0, None]
    number = len(pointing)
    if number < 2:
        return float(norms.mean()), None
    return float(norms.mean()), float((pointing.sum(0).square().sum() - number) / (number * (number - 1)))


def statistics_gap(
    batch_mean: Float[Tensor, " c"],
    batch_variance: Float[Tensor, " c"],
    running_mean: Float[Tensor, " c"],
    running_variance: Float[Tensor, " c"],
) -> float:
    """Return how far a batch's statistics are from the running ones of a norm, in running standard deviations.

    The mean over channels of |μ − μ_r| / σ_r + |ln(σ / σ_r)|: what a sample is shifted and scaled by in eval mode that
    it was not in training.

    Example:
        >>> zero, one = torch.zeros(3), torch.ones(3)
        >>> statistics_gap(zero, one, zero, one), statistics_gap(one, one, zero, one)
        (0.0, 1.0)
    """
    tiny = 1e-12
    deviation = running_variance.double().clamp(min=tiny).sqrt()
    shift = (batch_mean.double() - running_mean.double()).abs() / deviation
    scale = (batch_variance.double().clamp(min=tiny).sqrt() / deviation).log().abs()
    return float((shift + scale).mean())


def churn(before: Int[Tensor, " n"], after: Int[Tensor, " n"]) -> float:
    """Return the share of a fixed noise bank's samples whose mode has changed; rejected ones are a mode of their own.

    Example:
        >>> churn(torch.tensor([1, 2, -1, 4]), torch.tensor([1, 3, -1, -1]))
        0.5
    """
    return float((before != after).double().mean())
