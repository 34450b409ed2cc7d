"""What is known of a norm: declared once beside its constructor, the rest derived from the axes it reduces over."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from gannorm.norms import plugins
from gannorm.norms.options import REQUIRED, Option, signature

Axis = Literal["batch", "reference", "channel", "group", "space"]
SAMPLES = frozenset(("batch", "reference"))  # axes that hold other samples than the one that is normalized
Kind = Literal["activation", "conditional", "fused", "weight"]

VERBS = {
    "activation": "norms.create({!r}, channels)",
    "fused": "norms.create({!r}, channels) in place of norm and activation",
    "conditional": "norms.conditional({!r}, channels, condition_dim)",
    "weight": "norms.wrap({!r}, layer)",
}
INPUTS = {0: "points (N, C)", 1: "sequences (N, C, L)", 2: "images (N, C, H, W)", 3: "volumes (N, C, D, H, W)"}


@dataclass(frozen=True, kw_only=True)
class NormInfo:
    """A norm's name, formula, source and properties.

    Args:
        name: What configs call it.
        constructor: `channels -> module`, or `layer -> layer` for weight norms; options are keyword-only.
        options: The constructor's options with their defaults.
        aliases: Other names.
        kind: What it normalizes, and so which function makes it.
        axes: The axes that share one mean and variance: "group" stands for the channels of one group, "reference" for a
            fixed batch of other samples.
        centers: Whether it subtracts the mean of what it normalizes.
        variance: Whether it divides by a standard deviation, which is 0 for one value; None = as `centers` says.
        dims: Numbers of spatial axes it works with.
        groups: `(channels, **options) -> number of groups`, for norms that reduce over "group".
        differs_in_eval: Whether eval mode is another function; None = as `couples_samples` says.
        double_backward: Whether its gradient can be differentiated again, as a gradient penalty does.
        keeps_channels_last: Whether its output has the memory layout of its input.
        needs_data: Whether it has to see a batch before its first use; see `norms.prepare`.
        test_options: Options with which `check_norm` proves it, where the defaults would leave a part of it asleep.
        unproven: What `check_norm` cannot prove here, by the name of its rule, and why.
        summary: One line.
        formula: What it computes.
        paper: Where it is from.
        deviations: Where it differs from the paper.

    Example:
        >>> from gannorm import norms
        >>> info = norms.describe("BN")
        >>> info.name, info.axes, info.couples_samples
        ('batch', ('batch', 'space'), True)
    """

    name: str
    constructor: Callable[..., nn.Module] = field(repr=False)
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    kind: Kind = "activation"
    axes: tuple[Axis, ...] = ()
    centers: bool = True
    variance: bool | None = None
    dims: tuple[int, ...] = (0, 1, 2, 3)
    groups: Callable[..., int] | None = field(default=None, repr=False)
    differs_in_eval: bool | None = None
    double_backward: bool = True
    keeps_channels_last: bool = True
    needs_data: bool = False
    test_options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    unproven: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    summary: str = ""
    formula: str = ""
    paper: str = ""
    deviations: str = ""

    def __post_init__(self) -> None:
        if self.variance is None:
            object.__setattr__(self, "variance", self.centers and bool(self.axes))
        if self.differs_in_eval is None:
            object.__setattr__(self, "differs_in_eval", self.couples_samples)

    @property
    def couples_samples(self) -> bool:
        """Whether, in training, a sample's output depends on the other samples of its batch."""
        return "batch" in self.axes

    @property
    def defaults(self) -> dict[str, Any]:
        """The options that need not be given, with their values."""
        return {option.name: option.default for option in self.options if option.default is not REQUIRED}

    @property
    def takes_dims(self) -> bool:
        """Whether the constructor has to know the number of spatial axes."""
        return "dims" in signature(self.constructor).parameters

    @property
    def origin(self) -> str:
        """Who provides it: gannorm, a plug-in's distribution and version, or the constructor's import path."""
        return plugins.origin(self.constructor)

    @property
    def bias_before(self) -> str:
        """What a bias per channel just before it does, whatever the number of channels; see `bias_redundant`."""
        if self.kind == "weight":
            return ""
        if not self._centers_activations or "channel" in self.axes:
            return "has an effect"
        return "redundant with one channel per group, else has an effect" if "group" in self.axes else "redundant"

    @property
    def verb(self) -> str:
        """The call that makes it."""
        return VERBS[self.kind].format(self.name)

    def channels_per_statistic(self, channels: int, **options: Any) -> int:
        """Return how many channels share one mean."""
        if "channel" in self.axes:
            return channels
        return channels // self.groups(channels, **options) if self.groups else 1

    def values_per_statistic(self, shape: Sequence[int], **options: Any) -> int:
        """Return how many values of an activation (N, C, *space) share one mean; 0 where there is none.

        With one value the output is constant if the mean is subtracted, with two it is ±γ + β, whatever the input.

        Example:
            >>> from gannorm import norms
            >>> [norms.describe(name).values_per_statistic((8, 64, 4, 4)) for name in ("batch", "instance", "group")]
            [128, 16, 64]
        """
        num_samples, channels, *space = shape
        sizes = {
            "batch": num_samples,
            "reference": num_samples,
            "channel": channels,
            "group": self.channels_per_statistic(channels, **options),
            "space": math.prod(space),
        }
        return math.prod(sizes[axis] for axis in self.axes) if self.axes else 0

    def bias_redundant(self, channels: int, **options: Any) -> bool:
        """Whether a bias per channel, added just before this norm, is subtracted again exactly (in training).

        True where the mean that is subtracted belongs to a single channel: batch and instance norm, and group norm
        with as many groups as channels. Never for layer norm of more than one channel: the channels' biases differ.

        Example:
            >>> from gannorm import norms
            >>> group = norms.describe("group")
            >>> group.bias_redundant(64), group.bias_redundant(64, num_groups=64)
            (False, True)
        """
        return self._centers_activations and self.channels_per_statistic(channels, **options) == 1

    def constant(self, channels: int, dims: int, **options: Any) -> bool:
        """Whether each statistic is over one value, whatever the size of space: then no value differs from its mean."""
        others = not SAMPLES.isdisjoint(self.axes) or ("space" in self.axes and dims > 0)
        return bool(self.variance) and not others and self.channels_per_statistic(channels, **options) == 1

    @property
    def _centers_activations(self) -> bool:
        return self.kind != "weight" and self.centers and bool(self.axes)

    @property
    def facts(self) -> dict[str, str]:
        """What a page about it says, by label; only what there is to say."""
        facts = {
            "formula": self.formula,
            "statistics over": ", ".join(self.axes),
            "couples samples": "yes" if self.couples_samples else "no",
            "in eval mode": "another function" if self.differs_in_eval else "the same",
            "differentiable": "twice" if self.double_backward else "once: not for gradient penalties",
            "bias before it": self.bias_before,
            "works on": ", ".join(INPUTS[number] for number in self.dims) if self.kind != "weight" else "",
            "channels_last": "" if self.keeps_channels_last else "not kept: the output is in the default layout",
            "first": "norms.prepare(model, batch)" if self.needs_data else "",
            "options": ", ".join(map(str, self.options)) or "none",
            "made by": self.verb,
            "paper": self.paper,
            "deviations": self.deviations,
            "not proved here": "; ".join(self.unproven.values()),
            "provided by": self.origin,
        }
        return {label: value for label, value in facts.items() if value}

    def __str__(self) -> str:
        title = f"{self.name} ({', '.join(self.aliases)})" if self.aliases else self.name
        rows = [f"  {label:<16}{value}" for label, value in self.facts.items()]
        return "\n".join([f"{title}: {self.summary}", *rows])
