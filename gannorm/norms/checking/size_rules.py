"""Rules about what a norm gets and what stands beside it: sizes, channels, axes, biases, activations."""

import math
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm

from gannorm.norms.checking.advice import FEW, alternatives, brings_shift, called
from gannorm.norms.checking.findings import Found
from gannorm.norms.checking.places import CONVOLUTIONS, TRAILING, Network, Place, Seen
from gannorm.norms.checking.setting import Setting

SPACE = {"space"}
BOUNDED = (nn.Tanh, nn.Sigmoid, nn.Softmax)  # at the end of a network, whatever is before them
ACTIVATIONS = nn.modules.activation.__name__  # the module that torch's own are in
PART_SIZE = "ghost_size"  # attribute of a norm that divides its batch


def one_sample(network: Network, setting: Setting) -> Iterator[Found]:
    """N07."""
    for place, seen, samples in coupled_inputs(network, setting):
        if seen is None and samples == 1:
            yield Found(place.path, f"{called(place)} with batch_size=1 has no other sample", more_samples(place))
        elif seen is not None and values(place, seen, samples) == 1:
            yield Found(
                place.path,
                f"{called(place)} of {sized(seen, samples)} has one value per mean, which is an error in training",
                more_samples(place),
            )
        elif seen is not None and samples == 1:
            yield Found(
                place.path,
                f"{called(place)} of {sized(seen, samples)} is instance norm in training, not so in eval mode",
                more_samples(place),
                "warning",
            )


def few_values(network: Network, setting: Setting) -> Iterator[Found]:
    """N08."""
    for place, seen, samples in coupled_inputs(network, setting):
        if seen is not None and 1 < (number := values(place, seen, samples)) < FEW:
            only = ": only ±γ + β comes out" if number == 2 else ""
            yield Found(
                place.path,
                f"{called(place)} of {sized(seen, samples)} has {number} values per mean{only}",
                more_samples(place, at_least=f" so that there are {FEW}"),
            )
    for place, seen in inputs(network):
        if not place.info.couples_samples and place.info.centers and values(place, seen, 1) == 2:
            yield Found(
                place.path,
                f"{called(place)} of {sized(seen)} has 2 values per mean: only ±γ + β comes out",
                alternatives(place, shape=seen.shape),
            )


def one_position(network: Network, _: Setting) -> Iterator[Found]:
    """N09."""
    for place, seen in inputs(network):
        if set(place.info.axes) == SPACE and math.prod(seen.shape[2:]) == 1:
            yield degenerate(place, seen)


def one_value(network: Network, _: Setting) -> Iterator[Found]:
    """N10."""
    for place, seen in inputs(network):
        alone = not place.info.couples_samples and set(place.info.axes) != SPACE
        if alone and values(place, seen, 1) == 1:
            yield degenerate(place, seen)


def degenerate(place: Place, seen: Seen) -> Found:
    """Return what is to be said of a norm that gets one value per mean."""
    centers = place.info.centers
    divided = getattr(place.info, "variance", centers) and not centers
    if divided:
        outcome = "divides by a standard deviation of one value, which is 0"
    elif centers:
        outcome = "has one value per mean: its output is constant"
    else:
        outcome = "has one value per mean: only the sign of its input comes out"
    message = f"{called(place)} of {sized(seen)} {outcome}"
    return Found(place.path, message, alternatives(place, shape=seen.shape), None if centers or divided else "warning")


def unbatched(network: Network, _: Setting) -> Iterator[Found]:
    """N11."""
    for place in network.places:
        for seen in place.seen:
            if is_unbatched(place, seen):
                yield Found(
                    place.path,
                    f"{type(place.layer).__name__} takes {seen.shape} as one sample without a batch and normalizes "
                    f"each of the {seen.shape[0]} rows as a channel",
                    "use the class for these dims; norms.create has dims=",
                )


def other_channels(network: Network, _: Setting) -> Iterator[Found]:
    """N12."""
    for place, seen in inputs(network):
        if place.channels not in (None, seen.shape[1]):
            yield Found(
                place.path,
                f"{called(place)} of {place.channels} channels gets {seen.shape}, of {seen.shape[1]}",
                f"make it with channels={seen.shape[1]}",
            )


def trailing_axes(network: Network, _: Setting) -> Iterator[Found]:
    """N13; certain where the input comes as a convolution left it."""
    for place in network.places:
        if type(place.layer) not in TRAILING:
            continue
        shape: tuple[int, ...] = vars(place.layer)["normalized_shape"]
        axes = len(shape)
        by_sample = any(seen.as_convolved and axes < len(seen.shape) - 1 for seen in place.seen)
        by_structure = isinstance(place.before, CONVOLUTIONS) and axes <= len(place.before.kernel_size)
        if by_sample or by_structure:
            yield Found(
                place.path,
                f"{type(place.layer).__name__}({', '.join(map(str, shape))}) after a "
                "convolution normalizes the last axes, which are space, not channels",
                "use norms.create('layer_channels', channels), or 'layer' for channels and space",
            )


def extreme_groups(network: Network, _: Setting) -> Iterator[Found]:
    """N15."""
    for place in network.places:
        if "group" not in place.info.axes or place.channels in (None, 1):
            continue
        size = place.info.channels_per_statistic(place.channels, **place.options)
        kind = {1: "one channel per group, as in instance norm", place.channels: "one group, as in layer norm"}.get(
            size
        )
        if kind:
            yield Found(
                place.path,
                f"{called(place)} of {place.channels} channels has {kind}",
                "num_groups is the number of groups, group_size that of channels in one; 'auto' chooses",
            )


def no_shift(network: Network, _: Setting) -> Iterator[Found]:
    """N31; in a Sequential only, and there where torch's own layers stand before and after: else nothing is certain."""
    for place in network.places:
        has_shift = getattr(place.layer, "bias", None) is not None
        if has_shift or place.channels is None or not is_of_torch(place.after):
            continue
        redundant = place.info.bias_redundant(place.channels, **place.options)
        if isinstance(place.before, (nn.Linear, *CONVOLUTIONS)) and (place.before.bias is None or redundant):
            lost = "has none" if place.before.bias is None else "has one that is subtracted again"
            yield Found(
                place.path,
                f"{called(place)} has no β and the layer before it {lost}: nothing learns a shift",
                with_shift(place) if redundant else "give the layer before it a bias",
            )


def two_activations(network: Network, _: Setting) -> Iterator[Found]:
    """N32."""
    for place in network.places:
        after = type(place.after)
        if place.activates and after.__module__ == ACTIVATIONS and not isinstance(place.after, BOUNDED):
            yield Found(
                place.path,
                f"{called(place)} brings its own activation, and {after.__name__} follows",
                f"leave {after.__name__} out",
            )


def whole_batch(network: Network, setting: Setting) -> Iterator[Found]:
    """N35, the parts of a batch."""
    for place, _, samples in coupled_inputs(network, setting):
        part = vars(place.layer).get(PART_SIZE)
        if part and samples < 2 * part:
            yield Found(
                place.path,
                f"{called(place)} with {PART_SIZE}={part} does not divide a batch of {samples}: it is batch norm",
                f"choose {PART_SIZE} of at most half the batch, and 2 or more",
            )


def is_of_torch(module: nn.Module | None) -> bool:
    """Whether a module is one of torch's own, none of which is there to shift."""
    return type(module).__module__.startswith("torch.nn.modules.")


def with_shift(place: Place) -> str:
    """Return how a norm gets a β."""
    if "affine" in place.info.defaults:
        return "set affine=True"
    channels = place.channels or 1
    return f"choose a norm with β: {alternatives(place, suited=lambda info: brings_shift(info, channels))}"


def is_unbatched(place: Place, seen: Seen) -> bool:
    """Whether torch takes an input of an instance norm as a single sample."""
    return isinstance(place.layer, _InstanceNorm) and len(seen.shape) == place.layer._get_no_batch_dim()


def inputs(network: Network) -> Iterator[tuple[Place, Seen]]:
    """Yield the inputs that have samples first and channels second, of norms without a reference batch."""
    for place in network.places:
        for seen in place.seen:
            usual = len(seen.shape) > 1 and not is_unbatched(place, seen) and "reference" not in place.info.axes
            if usual and "normalized_shape" not in vars(place.layer):  # channels last, or who knows where
                yield place, seen


def coupled_inputs(network: Network, setting: Setting) -> Iterator[tuple[Place, Seen | None, int]]:
    """Yield the norms that couple samples with their inputs in training, and how many samples share a mean."""
    for place, seen in inputs(network):
        if place.couples:
            samples = seen.shape[0] * (setting.batch_size or network.num_samples) // network.num_samples
            yield place, seen, max(1, samples) * processes(place, setting)
    if not network.num_samples and setting.batch_size:
        for place in network.places:
            if place.couples:
                yield place, None, setting.batch_size * processes(place, setting)


def processes(place: Place, setting: Setting) -> int:
    """Return how many processes share their statistics."""
    return setting.world_size if isinstance(place.layer, nn.SyncBatchNorm) else 1


def values(place: Place, seen: Seen, samples: int) -> int:
    """Return how many values share a mean in training."""
    part = vars(place.layer).get(PART_SIZE)
    in_part = samples // max(1, samples // part) if part else samples
    return place.info.values_per_statistic((in_part, *seen.shape[1:]), **place.options)


def sized(seen: Seen, samples: int | None = None) -> str:
    """Return an input's shape as it is in training."""
    return str((samples or seen.shape[0], *seen.shape[1:]))


def more_samples(place: Place, at_least: str = "") -> str:
    """Return the way out of too small a batch."""
    return f"raise batch_size{at_least} (drop_last=True leaves out a smaller last batch), or {alternatives(place)}"
