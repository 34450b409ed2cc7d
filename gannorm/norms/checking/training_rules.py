"""Rules about how a model is trained: its role, penalties, averages, processes, precision, compilation."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.spectral_norm import SpectralNorm as SpectralNormHook
from torch.nn.utils.weight_norm import WeightNorm as WeightNormHook

from gannorm.norms.catalogue.virtual_batch import needs_data
from gannorm.norms.checking.advice import alternatives, called
from gannorm.norms.checking.findings import Found
from gannorm.norms.checking.places import Network
from gannorm.norms.checking.setting import Setting
from gannorm.norms.info import NormInfo

OLD_HOOKS = (SpectralNormHook, WeightNormHook)
IN_FLOAT32 = (nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)  # under autocast on CUDA
MEETINGS = {
    None: "say how real and fake images meet in it",
    "separate": "real and fake images are normalized apart, each by their own statistics",
    "joined": "real and fake images are normalized together, and see each other",
    "joined_in_d_step": "real and fake images are normalized together in the discriminator's step, apart in the other",
}


def coupled_samples(network: Network, setting: Setting) -> Iterator[Found]:
    """N01."""
    for place in network.places if setting.penalized else ():
        if place.couples:
            yield Found(
                place.path,
                f"{called(place)} couples the samples of a batch, and penalty={setting.penalty!r} is of each sample",
                alternatives(place, penalized=True),
            )


def synchronized(network: Network, setting: Setting) -> Iterator[Found]:
    """N02; in one process torch's own batch norm does the work, which can be differentiated twice."""
    for place in network.places if setting.penalized else ():
        if isinstance(place.layer, nn.SyncBatchNorm) and not place.frozen:
            yield Found(
                place.path,
                f"SyncBatchNorm cannot be differentiated twice across processes (world_size={setting.world_size}), "
                f"as penalty={setting.penalty!r} needs",
                alternatives(place, penalized=True),
                None if setting.world_size > 1 else "warning",
            )


def compiled_penalty(network: Network, setting: Setting) -> Iterator[Found]:
    """N03."""
    if setting.penalized and (setting.compile or network.compiled):
        yield Found(
            "",
            f"torch.compile cannot differentiate twice, as penalty={setting.penalty!r} needs",
            "compute the penalty on the model that is not compiled",
        )


def single_backward(network: Network, setting: Setting) -> Iterator[Found]:
    """N05."""
    for place in network.places if setting.penalized else ():
        if not place.info.double_backward and not isinstance(place.layer, nn.SyncBatchNorm):
            yield Found(
                place.path,
                f"{called(place)} can be differentiated once only, and penalty={setting.penalty!r} needs it twice",
                alternatives(place, penalized=True),
            )


def two_functions(network: Network, setting: Setting) -> Iterator[Found]:
    """N16."""
    for place in network.places if setting.role == "generator" else ():
        if place.couples and place.tracks:
            yield Found(
                place.path,
                f"{called(place)} normalizes by its batch in training, by running statistics in eval mode",
                "say which you sample with: running, standing (norms.recalibrate) or batch (norms.batch_statistics)",
            )
        elif place.couples:
            yield Found(
                place.path,
                f"{called(place)} keeps no running statistics: samples depend on their batch in eval mode too",
                "draw samples in batches as large as training's, or set track_running_stats=True",
            )


def tracked_instances(network: Network, _: Setting) -> Iterator[Found]:
    """N17."""
    for place in network.places:
        if place.tracks and isinstance(place.layer, _InstanceNorm):
            yield Found(
                place.path,
                f"{called(place)} with track_running_stats=True is another function in eval mode",
                "set track_running_stats=False",
            )


def averaged_statistics(network: Network, setting: Setting) -> Iterator[Found]:
    """N18."""
    for place in network.places if setting.ema in ("average", "copy") else ():
        if place.couples and place.tracks:
            yield Found(
                place.path,
                f"running statistics of {called(place)} under ema={setting.ema!r} do not belong to averaged weights",
                "compute them anew before sampling: norms.recalibrate (ema='recompute')",
            )


def averaged_vectors(network: Network, setting: Setting) -> Iterator[Found]:
    """N19."""
    for path, module in network.model.named_modules() if setting.ema == "average" else ():
        vectors = [name for name, buffer in weight_norm_buffers(module) if buffer.is_floating_point()]
        if vectors:
            yield Found(
                path.partition(".parametrizations.")[0],
                f"buffers {', '.join(vectors)} of its weight norm under ema='average' do not stay unit vectors",
                "copy buffers instead, then norms.settle_spectral_norm before sampling",
            )


def old_hooks(network: Network, _: Setting) -> Iterator[Found]:
    """N21."""
    for path, module in network.model.named_modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, OLD_HOOKS):
                yield Found(
                    path,
                    f"{type(hook).__name__} is torch's old hook: after a training step the layer cannot be copied, and "
                    "its checkpoints have other keys",
                    "use norms.wrap, which makes a parametrization",
                )


def two_passes(network: Network, setting: Setting) -> Iterator[Found]:
    """N22."""
    if setting.world_size < 2 or setting.role != "discriminator" or setting.discriminator_batches == "joined":
        return
    for place in network.places:
        if place.couples and place.tracks:
            yield Found(
                place.path,
                f"{called(place)} in {setting.world_size} processes: each has statistics of its own, and between two "
                "passes DistributedDataParallel writes into the buffers, which stops the backward pass of some torch "
                "versions",
                "set broadcast_buffers=False, or discriminator_batches='joined'",
            )


def mixed_batches(network: Network, setting: Setting) -> Iterator[Found]:
    """N23."""
    for place in network.places if setting.role == "discriminator" else ():
        if place.couples:
            yield Found(
                place.path,
                f"{called(place)} with discriminator_batches={setting.discriminator_batches!r}: "
                f"{MEETINGS[setting.discriminator_batches]}",
                "another choice of discriminator_batches is another model; keep it the same in a comparison",
            )


def float32_islands(network: Network, setting: Setting) -> Iterator[Found]:
    """N25."""
    for place in network.places if setting.precision in ("16-mixed", "bf16-mixed") else ():
        if isinstance(place.layer, IN_FLOAT32):
            yield Found(
                place.path,
                f"{called(place)} with precision={setting.precision!r} puts out float32 on CUDA, which stays until the "
                "next convolution: more memory than batch norm",
                "compare memory and speed of norms in one precision",
            )


def half_statistics(network: Network, setting: Setting) -> Iterator[Found]:
    """N26."""
    for place in network.places:
        half = place.tracks and place.layer.running_mean.dtype == torch.float16
        if half or (place.tracks and setting.precision == "16-true"):
            yield Found(
                place.path,
                f"{called(place)} keeps running statistics in float16, where a variance above 65,504 is infinite",
                "use precision='16-mixed' or 'bf16-mixed', which keep them in float32",
            )


def lost_layout(network: Network, setting: Setting) -> Iterator[Found]:
    """N27."""
    for place in network.places if setting.channels_last else ():
        if not place.info.keeps_channels_last:
            yield Found(
                place.path,
                f"{called(place)} puts out another memory layout than channels_last, and the next convolution turns "
                "it back",
                "it is right and slower; leave channels_last out if most layers have it",
            )


def moving_buffers(network: Network, setting: Setting) -> Iterator[Found]:
    """N28."""
    for place in network.places if setting.compile or network.compiled else ():
        if place.tracks and not place.frozen:
            counted = getattr(place.layer, "momentum", 0.1) is None
            reads = ", and with momentum=None reads a number from the device" if counted else ""
            yield Found(
                place.path,
                f"{called(place)} writes running statistics in forward{reads}: torch.compile skips CUDA graphs",
                "after capturing graphs by hand, norms.recalibrate" + ("; give momentum a number" if counted else ""),
            )


def droplets(network: Network, setting: Setting) -> Iterator[Found]:
    """N34."""
    for place in network.places if setting.role == "generator" else ():
        if makes_droplets(place.info):
            yield Found(
                place.path,
                f"{called(place)} in a generator takes away what one feature map weighs against another; StyleGAN's "
                "droplets came from that",
                "look at the samples; " + alternatives(place, suited=lambda info: not makes_droplets(info)),
            )


def makes_droplets(info: NormInfo) -> bool:
    """Whether a norm takes the mean and size of each feature map away."""
    return set(info.axes) == {"space"} and info.centers


def unprepared(network: Network, _: Setting) -> Iterator[Found]:
    """N35, the reference batch."""
    for place in network.places:
        if place.info.needs_data and needs_data(network.model):
            yield Found(
                place.path,
                f"{called(place)} has seen no reference batch",
                "norms.prepare(model, batch) once, before its first use",
            )


def weight_norm_buffers(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return the buffers of a layer's weight norm, where a module is one or has torch's old hook."""
    if any(isinstance(hook, SpectralNormHook) for hook in module._forward_pre_hooks.values()):
        return list(module.named_buffers(recurse=False))
    return list(module.named_buffers()) if isinstance(module, ParametrizationList) else []
