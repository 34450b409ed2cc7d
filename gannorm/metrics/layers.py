"""What goes through the layers of a network: moments, dead units, drift, and what a step below does to a gradient.

The internal covariate shift of Ioffe and Szegedy (2015) is the drift of a layer's input distribution while the layers
below it learn; Santurkar et al. (2018) measure how much the layer's own gradient changes for that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannorm.metrics.opponents import statistics_gap

Call = Callable[..., Tensor]  # of a network
Loss = Callable[[Call], Tensor]  # of whatever is called like the network
WEIGHT_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)
TINY = 1e-12


@dataclass(frozen=True)
class Activation:
    """What passes one point of a network, of one batch.

    Attributes:
        mean: Of each channel, over samples and space.
        variance: Likewise.
        dead: Share of channels that are the same for every sample and place.
    """

    mean: Float[Tensor, " c"]
    variance: Float[Tensor, " c"]
    dead: float

    @classmethod
    def of(cls, values: Float[Tensor, "n c ..."]) -> "Activation":
        """Return the moments of a batch.

        Example:
            >>> reading = Activation.of(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
            >>> reading.mean.tolist(), reading.variance.tolist(), reading.dead
            ([2.0, 0.0], [1.0, 0.0], 0.5)
        """
        flat = values.detach().cpu().double().transpose(0, 1).flatten(1)
        variance = flat.var(1, correction=0)
        return cls(flat.mean(1), variance, float((variance <= TINY).double().mean()))

    @classmethod
    def pooled(cls, parts: Sequence["Activation"]) -> "Activation":
        """Return the moments of batches of equal size as of one batch; dead is the share that is so in each.

        Example:
            >>> one, two = Activation.of(torch.tensor([[0.0], [2.0]])), Activation.of(torch.tensor([[4.0], [6.0]]))
            >>> pooled = Activation.pooled([one, two])
            >>> pooled.mean.tolist(), pooled.variance.tolist()
            ([3.0], [5.0])
        """
        means = torch.stack([part.mean for part in parts])
        within = torch.stack([part.variance for part in parts]).mean(0)
        return cls(means.mean(0), within + means.var(0, correction=0), min(part.dead for part in parts))

    def summary(self) -> dict[str, float]:
        """Return the mean over channels, the spread of all values √(E[σ²] + Var μ), and the share of dead channels."""
        spread = float((self.variance.mean() + self.mean.var(correction=0)).sqrt())
        return {"mean": float(self.mean.mean()), "spread": spread, "dead": self.dead}

    def drift_from(self, before: "Activation") -> float:
        """Return how far the moments have moved, in standard deviations of before: mean of |Δμ| / σ + |ln(σ' / σ)|.

        Channels that were dead before have no unit to measure in, and those that died have no logarithm: both are left
        out, as `dead` counts them; 0 where none is left.
        """
        alive = (before.variance > TINY) & (self.variance > TINY)
        if not bool(alive.any()):
            return 0.0
        now, then = (self.mean[alive], self.variance[alive]), (before.mean[alive], before.variance[alive])
        return statistics_gap(*now, *then)


def weight_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return a network's linear and convolutional layers by name, in the order in which they were registered.

    Example:
        >>> list(weight_layers(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))))
        ['0', '3']
    """
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, WEIGHT_LAYERS)}


@contextmanager
def watched(
    layers: Mapping[str, nn.Module], rows: slice = slice(None)
) -> Iterator[dict[str, tuple[Activation, Activation]]]:
    """Note in the block what goes into and comes out of each of these layers at its last call, of some of the samples.

    What comes out of a weight layer is what a norm after it is given; what goes into the next one is what the norm and
    the activation between them made.

    Example:
        >>> norm = nn.BatchNorm1d(2)
        >>> with watched({"norm": norm}) as found:
        ...     _ = norm(torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
        >>> [point.mean.tolist() for point in found["norm"]]
        [[2.0, 0.0], [0.0, 0.0]]
    """
    found: dict[str, tuple[Activation, Activation]] = {}

    def note(name: str, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found[name] = (Activation.of(inputs[0][rows]), Activation.of(output[rows]))

    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True)
class GradientShift:
    """How a layer's gradient G changes to G' when the layers below it take their step.

    Attributes:
        relative: ‖G − G'‖ / ‖G‖: 0 where nothing changes. Norms alone would not compare between normalizations.
        cosine: Of the angle between G and G': 1 where the direction stays.
    """

    relative: float
    cosine: float

    @classmethod
    def of(cls, before: Tensor, after: Tensor) -> "GradientShift":
        """Return it of two gradients.

        Example:
            >>> GradientShift.of(torch.tensor([3.0, 4.0]), torch.tensor([-3.0, -4.0]))
            GradientShift(relative=2.0, cosine=-1.0)
        """
        first, second = before.double().flatten(), after.double().flatten()
        length = float(first.norm())
        cosine = float(first @ second) / max(length * float(second.norm()), TINY)
        return cls(float((first - second).norm()) / max(length, TINY), cosine)


def gradient_shifts(
    network: nn.Module,
    loss: Loss,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
) -> dict[str, GradientShift]:
    """Return each weight layer's gradient shift: Santurkar et al. (2018), definition 2.1, normalized.

    G is ∂L/∂W_i with all weights from before a step, G' with those of the layers below i (all parameters registered
    before it, norms' among them) from after it. The first layer has none below and is left out. Deviation from the
    paper: ‖G − G'‖ is given as a share of ‖G‖, with the cosine beside it.

    Args:
        network: Whose buffers the caller holds still.
        loss: Calls the network through what it is given, and returns a scalar.
        before: Parameters by name before a step.
        after: After it.
    """
    parameters = {name: value for name, value in network.named_parameters() if value.requires_grad}
    names, weights = list(parameters), {layer: weight_of(parameters, layer) for layer in weight_layers(network)}
    known = {layer: name for layer, name in weights.items() if name is not None}
    first = gradients(network, loss, before, list(known.values())) if known else {}
    shifts = {}
    for layer, name in known.items():
        start = next(place for place, other in enumerate(names) if other.startswith(f"{layer}."))
        if start:
            moved = {other: (after if place < start else before)[other] for place, other in enumerate(names)}
            shifts[layer] = GradientShift.of(first[name], gradients(network, loss, moved, [name])[name])
    return shifts


def weight_of(parameters: Mapping[str, Tensor], layer: str) -> str | None:
    """Return the name of a layer's weight, its largest parameter: a weight norm renames it and puts scales beside."""
    own = {name: value.numel() for name, value in parameters.items() if name.startswith(f"{layer}.")}
    return max(own, key=own.__getitem__, default=None)


def gradients(network: nn.Module, loss: Loss, weights: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """Return ∂L/∂W of some parameters at given weights; no parameter's own gradient is touched."""
    leaves = {key: value.detach().requires_grad_(key in names) for key, value in weights.items()}
    with torch.enable_grad():
        value = loss(lambda *inputs: torch.func.functional_call(network, leaves, inputs))
        found = torch.autograd.grad(value, [leaves[name] for name in names])
    return dict(zip(names, found, strict=True))
