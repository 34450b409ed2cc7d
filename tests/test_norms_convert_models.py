"""Unmodified models of torchvision and timm: converted, run, trained one step, and taken back."""

from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import nn

from gannorm import norms
from tests.convertible import IMAGES, Generator, assert_same_state, norms_in, state


def lraspp() -> nn.Module:
    return torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)


def deeplab() -> nn.Module:
    return torchvision.models.segmentation.deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=3, aux_loss=True
    )


def googlenet() -> nn.Module:
    return torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=True, num_classes=3)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "a DCGAN generator": (Generator, (4, 8, 1, 1)),
    "torchvision resnet18": (lambda: torchvision.models.resnet18(num_classes=3), IMAGES),
    "timm resnet10t": (lambda: timm.create_model("resnet10t", num_classes=3), IMAGES),
}
SLOW: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "torchvision densenet121": (lambda: torchvision.models.densenet121(num_classes=3), IMAGES),
    "torchvision googlenet": (googlenet, IMAGES),
    "torchvision deeplabv3_resnet50": (deeplab, IMAGES),
    "torchvision lraspp_mobilenet_v3_large": (lraspp, IMAGES),
    "torchvision mobilenet_v3_small": (lambda: torchvision.models.mobilenet_v3_small(num_classes=3), IMAGES),
    "torchvision efficientnet_b0": (lambda: torchvision.models.efficientnet_b0(num_classes=3), IMAGES),
    "timm resnet18": (lambda: timm.create_model("resnet18", num_classes=3), IMAGES),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0", num_classes=3), IMAGES),
    "timm mobilenetv3_small_100": (lambda: timm.create_model("mobilenetv3_small_100", num_classes=3), IMAGES),
    "timm resnetv2_50": (lambda: timm.create_model("resnetv2_50", num_classes=3), IMAGES),
    "timm convnext_atto": (lambda: timm.create_model("convnext_atto", num_classes=3), IMAGES),
    "timm densenet121": (lambda: timm.create_model("densenet121", num_classes=3), IMAGES),
}


def tensors(output: object) -> list[torch.Tensor]:
    """Return the tensors of whatever a model returns."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in tensors(part)]


def run_whole_model(make: Callable[[], nn.Module], shape: tuple[int, ...], to: str) -> None:
    """Convert, run, train one step, undo: as somebody with this model would."""
    model = make()
    before, number = state(model), len(norms_in(model))
    report = norms.convert(model, to=to)
    assert norms_in(model) == [to] * number
    assert all(row.bias in ("added", "", "none") for row in report.rows)
    assert all(bool(row.notes) for row in report.rows if row.bias == "none")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x = torch.randn(shape)
    outputs = tensors(model(x))
    assert all(output.isfinite().all() for output in outputs)
    sum(output.square().mean() for output in outputs).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    trained = {name: parameter.clone() for name, parameter in model.named_parameters()}
    optimizer.step()
    assert any(not torch.equal(parameter, trained[name]) for name, parameter in model.named_parameters())
    assert all(output.isfinite().all() for output in tensors(model.eval()(x)))
    fresh = make()
    fresh.load_state_dict(before)
    again = norms.convert(fresh, to=to)
    again.undo()
    assert_same_state(fresh, before)


@pytest.mark.parametrize("name", MODELS)
def test_whole_models(name):
    run_whole_model(*MODELS[name], to="group")


@pytest.mark.slow
def test_a_detector_that_can_be_traced_in_part_only():
    model = torchvision.models.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval()
    report = norms.convert(model, to="group")
    assert {row.bias for row in report.rows} == {"added"}
    assert model([torch.rand(3, 64, 64)])[0].keys() == {"boxes", "labels", "scores"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MODELS, "timm mobilenetv3_small_100"])
def test_spectral_norm_onto_whole_models(name):
    make, shape = {**MODELS, **SLOW}[name]
    model = make()
    before = state(model)
    report = norms.convert(model, to="spectral")
    with norms.freeze_state(model):
        output = model(torch.randn(shape))
    assert output.isfinite().all()
    output.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    report.undo()
    assert_same_state(model, before)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["group", "layer"])
@pytest.mark.parametrize("name", SLOW)
def test_more_whole_models(name, to):
    run_whole_model(*SLOW[name], to=to)
