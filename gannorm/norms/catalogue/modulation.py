"""Conditional norms: any norm of activations × what its γ and β come from.

    y = γ(c) x̂ + β(c),   x̂ = norm(x) without a γ and β of its own,   c a condition (N, condition_dim)

γ(c) is 1 plus what is learned and β(c) is what is learned; at the start both maps are 0, so y = x̂ for every condition.
Chunks of the maps' output: γ first, then β. Class ids are embedded by the network, not here.
"""

from typing import Any

import torch
from torch import Tensor, nn

from gannorm.norms.build import activates, create
from gannorm.norms.errors import NormShapeError
from gannorm.norms.options import options_of
from gannorm.norms.registry import register
from gannorm.norms.spec import NormLike, NormSpec, resolve

DEFAULT = "class_conditional"  # how a norm is conditioned that is named without a way


class ConditionalNorm(nn.Module):
    """A norm whose γ and β come from a condition.

    Args:
        channels: C.
        norm: Module of (N, C, *space) without γ and β.
        modulation: Module from (N, condition_dim) to (N, 2 C): γ − 1, then β.
        activation: What follows them, for a norm that brings its own activation.

    Example:
        >>> norm = ConditionalNorm(4, nn.Identity(), nn.Linear(3, 8))
        >>> norm(torch.randn(2, 4, 5, 5), torch.randn(2, 3)).shape
        torch.Size([2, 4, 5, 5])
    """

    takes_condition = True

    def __init__(
        self, channels: int, norm: nn.Module, modulation: nn.Module, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.channels = channels
        self.norm = norm
        self.modulation = modulation
        self.activation = activation or nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return x normalized, scaled and shifted sample by sample.

        Args:
            x: (N, C, *space).
            condition: (N, condition_dim).

        Raises:
            NormShapeError: Not C channels, or not one condition per sample.
        """
        if x.ndim < 2 or x.shape[1] != self.channels:
            raise NormShapeError(
                f"conditional norm of {self.channels} channels got an input of shape {tuple(x.shape)}",
                norm=type(self.norm).__name__, channels=self.channels, dims=None, divisors=[],
            )  # fmt: skip
        if condition.ndim != 2 or len(condition) != len(x):
            raise NormShapeError(
                f"conditional norm: {len(x)} samples and a condition of shape {tuple(condition.shape)}; give one row "
                "per sample, (N, condition_dim); class ids are embedded first",
                norm=type(self.norm).__name__, channels=self.channels, dims=None, divisors=[],
            )  # fmt: skip
        change, beta = self.modulation(condition).view(len(x), 2 * self.channels, *(1,) * (x.ndim - 2)).chunk(2, dim=1)
        return self.activation(torch.addcmul(beta, self.norm(x), 1 + change)).to(x.dtype)


def conditional(spec: NormLike, channels: int, condition_dim: int, *, dims: int = 2, **options: Any) -> ConditionalNorm:
    """Return a norm whose γ and β come from a condition; call it with `(x, condition)`.

    Args:
        spec: A way to condition, `{"name": "style", "base": "group"}`, or a norm of activations, "group", which is then
            conditioned as `class_conditional`.
        channels: C.
        condition_dim: Length of a condition: a class embedding, a style, or the latent vector.
        dims: Number of spatial axes.
        options: Of the way to condition; of the norm where that was named.

    Raises:
        NormError: As `create`.
        NormKindError: It normalizes weights; use `wrap`.
        NormShapeError: `condition_dim` is no positive whole number.

    Example:
        >>> from gannorm import norms
        >>> norm = norms.conditional("group", 64, condition_dim=128, num_groups=8)
        >>> norm.norm
        GroupNorm(8, 64, eps=1e-05, affine=False...)
        >>> norms.conditional({"name": "self_modulated", "base": "batch"}, 64, condition_dim=100).modulation[0]
        Linear(in_features=100, out_features=32, bias=True)
    """
    if not isinstance(condition_dim, int) or isinstance(condition_dim, bool) or condition_dim < 1:
        raise NormShapeError(
            f"condition_dim={condition_dim!r} is no positive whole number",
            norm=str(spec), channels=channels, dims=dims, divisors=[],
        )  # fmt: skip
    resolved = resolve(spec, **options)
    info = resolved.info
    if info is None or info.kind != "conditional":
        resolved = resolve(DEFAULT, base=resolved)
    constructor: Any = resolved.constructor
    return constructor(channels, condition_dim=condition_dim, dims=dims, **dict(resolved.options))


@register(
    "class_conditional",
    aliases=("CBN", "conditional"),
    kind="conditional",
    axes=("batch", "space"),
    formula="y = (1 + W_γ c) x̂ + W_β c, c an embedding of the class",
    paper="Dumoulin et al. 2017, arXiv:1610.07629 (on instance norm); de Vries et al. 2017, arXiv:1707.00683 (on batch "
    "norm)",
    deviations="an embedding and a linear map in place of a table of γ and β, as in Brock et al. 2018, "
    "arXiv:1809.11096; the maps start at 0",
)
def class_conditional(
    channels: int, *, condition_dim: int, dims: int, base: NormLike = "batch", init_std: float = 0.0
) -> nn.Module:
    """Any norm, γ and β a linear map of a class embedding."""
    return conditioned(base, channels, dims, linear(condition_dim, channels, init_std, bias=False))


@register(
    "style",
    aliases=("AdaIN",),
    kind="conditional",
    axes=("space",),
    dims=(1, 2, 3),
    keeps_channels_last=False,
    formula="y = (1 + A_γ w + a_γ) x̂ + A_β w + a_β, w a style",
    paper="Huang & Belongie 2017, arXiv:1703.06868, equation 8; Karras et al. 2019 (StyleGAN), arXiv:1812.04948, "
    "equation 1",
    deviations="the maps start at 0, StyleGAN's at random weights; where the style is all that a generator is given "
    "set init_std, or all its first samples are the same",
)
def style(
    channels: int, *, condition_dim: int, dims: int, base: NormLike = "instance_plain", init_std: float = 0.0
) -> nn.Module:
    """Any norm, instance norm if none is named, γ and β an affine map of a style."""
    return conditioned(base, channels, dims, linear(condition_dim, channels, init_std, bias=True))


@register(
    "self_modulated",
    kind="conditional",
    axes=("batch", "space"),
    formula="y = (1 + V_γ relu(U z + u) + v_γ) x̂ + V_β relu(U z + u) + v_β, z the latent vector",
    paper="Chen et al. 2019, arXiv:1810.01365, equations 1-4",
    deviations="γ starts at 1; γ and β share the hidden layer",
)
def self_modulated(
    channels: int,
    *,
    condition_dim: int,
    dims: int,
    base: NormLike = "batch",
    hidden: int = 32,
    init_std: float = 0.0,
) -> nn.Module:
    """Any norm, γ and β a small network's answer to the latent vector; needs no labels."""
    last = linear(hidden, channels, init_std, bias=True)
    return conditioned(base, channels, dims, nn.Sequential(nn.Linear(condition_dim, hidden), nn.ReLU(), last))


def linear(condition_dim: int, channels: int, init_std: float, *, bias: bool) -> nn.Linear:
    """Return the map to γ − 1 and β, with weights from N(0, init_std²) and biases 0."""
    layer = nn.Linear(condition_dim, 2 * channels, bias=bias)
    nn.init.normal_(layer.weight, std=init_std)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def conditioned(base: NormLike, channels: int, dims: int, modulation: nn.Module) -> ConditionalNorm:
    """Return a norm without γ and β of its own, and with those that a modulation makes.

    Raises:
        NormError: As `create`.
    """
    norm: Any = create(without_affine(resolve(base)), channels, dims=dims)
    activation = None
    if activates(base):
        activation, norm.activation = norm.activation, nn.Identity()
    return ConditionalNorm(channels, norm, modulation, activation)


def without_affine(spec: NormSpec) -> NormSpec:
    """Return the spec of the same norm without γ and β; the same spec where it has none.

    Example:
        >>> without_affine(resolve("group", num_groups=8))
        NormSpec(name='group', options=(('affine', False), ('num_groups', 8)))
    """
    has_affine = any(option.name == "affine" for option in options_of(spec.constructor))
    return resolve(spec, affine=False) if has_affine else spec
