"""The proof of what is declared: it holds for every norm here, and it catches norms that lie."""

import pytest
import torch
from torch import nn

from gannorm import norms
from gannorm.norms.testing import NormContractError, check_norm


@pytest.mark.parametrize("name", norms.names())
def test_every_norm_does_what_is_declared(name):
    proved = check_norm(name)
    cases = 5 if norms.describe(name).kind == "weight" else len(norms.describe(name).dims)
    assert len(proved) >= 5 * cases
    assert all(line.startswith(name) and line.endswith(".") for line in proved)


class Honest(nn.Module):
    """By the root mean square over space; what the liars below are made of."""

    def __init__(self, channels: int, *, dims: int) -> None:
        super().__init__()
        self.space = tuple(range(2, dims + 2))
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        y = h / (h.square().mean(self.space, keepdim=True) + 1e-5).sqrt()
        return (y * self.weight.view(-1, *(1 for _ in self.space))).to(x.dtype)


class SeesTheBatch(Honest):
    def forward(self, x):
        return super().forward(x) + x.mean(0, keepdim=True)


class Half(Honest):
    def forward(self, x):
        return x / (x.square().mean(self.space, keepdim=True) + 1e-5).sqrt()


class Other(Honest):
    def forward(self, x):
        return super().forward(x).float()


class Moves(Honest):
    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class Random(Honest):
    def forward(self, x):
        return super().forward(x) + torch.randn(())


class InPlace(Honest):
    def forward(self, x):
        y = super().forward(x)
        with torch.no_grad():
            x.detach().mul_(2)
        return y


class Forgets(Honest):
    def __init__(self, channels: int, *, dims: int) -> None:
        super().__init__(channels, dims=dims)
        self.shift = 0.0

    def forward(self, x):
        y = super().forward(x) + self.shift
        self.shift = self.shift + 1.0 if self.training else self.shift
        return y


class Once(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        return context.saved_tensors[0].cos() * gradient


class OnceOnly(Honest):
    def forward(self, x):
        return Once.apply(super().forward(x))


class LaterSamples(Honest):
    def forward(self, x):
        y = super().forward(x)
        return torch.cat([y[:1], y[1:] + x[:1].mean((0, 2, 3))[:, None, None] * 0.1])


class LastChannel(Honest):
    def forward(self, x):
        y = super().forward(x)
        return torch.cat([y[:, :-1], y[:, -1:] + x[:, :1].mean((2, 3), keepdim=True) * 0.1], dim=1)


class Counts(Honest):
    def __init__(self, channels: int, *, dims: int) -> None:
        super().__init__(channels, dims=dims)
        self.register_buffer("looks", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.looks += 1
        return super().forward(x)


class ByEight(Honest):
    def __init__(self, channels: int, *, dims: int) -> None:
        assert channels % 8 == 0
        super().__init__(channels, dims=dims)


class Transposed(Honest):
    def forward(self, x):
        return super().forward(x).transpose(-1, -2).contiguous().transpose(-1, -2)


DECLARED = {"axes": ("space",), "centers": False, "dims": (2,)}


def test_an_honest_norm_passes():
    with norms.registered("mine", Honest, **DECLARED):
        assert len(check_norm("mine")) == 15


@pytest.mark.parametrize(
    ("liar", "declared", "words"),
    [
        (SeesTheBatch, {}, "samples 4 where 1 are declared"),
        (Honest, {"axes": ("batch", "space")}, "samples 1 where 4 are declared"),
        (Honest, {"axes": ("channel", "space")}, "channels 1 where 8 are declared"),
        (Honest, {"axes": ()}, "positions 12 where 1 are declared"),
        (Honest, {"centers": True}, "a bias is redundant: False; from axes and centers: True"),
        (Honest, {"differs_in_eval": True}, "eval mode differs: False"),
        (Honest, {"keeps_channels_last": False}, "keeps channels_last: True"),
        (Half, {}, "in torch.float16 it is off by"),
        (Other, {}, "torch.float64 (4, 8, 3, 4) became torch.float32"),
        (Moves, {}, "calls moved under freeze_state"),
        (Counts, {}, "looks moved under freeze_state"),
        (LaterSamples, {}, "samples 2 where 1 are declared"),
        (LastChannel, {}, "channels 2 where 1 are declared"),
        (ByEight, {}, "AssertionError"),
        (Honest, {"double_backward": False}, "declared differentiable once, but the second derivative is there"),
        (Honest, {"needs_data": True}, "it works without data"),
        (Honest, {"kind": "fused"}, "it has none"),
        (Random, {}, "draws from the global random state"),
        (InPlace, {}, "changed its input"),
        (Forgets, {}, "another output after"),
        (OnceOnly, {}, "the second derivative is missing or wrong"),
        (Transposed, {}, "a contiguous input became one that is not"),
    ],
)
def test_a_liar_is_caught(liar, declared, words):
    with norms.registered("liar", liar, **{**DECLARED, **declared}), pytest.raises(NormContractError) as caught:
        check_norm("liar")
    assert words in str(caught.value)
    assert caught.value.norm == "liar"
    assert len(caught.value.broken) < 12  # and what holds is not blamed


def test_once_differentiable_is_proved_too():
    with norms.registered("once", OnceOnly, double_backward=False, **DECLARED):
        check_norm("once")


def test_what_cannot_be_proved_is_said():
    reason = {"declares_one_derivative": "it takes two machines"}
    with norms.registered("mine", Honest, double_backward=False, unproven=reason, **DECLARED) as info:
        assert sum("Not proved: it takes two machines." in line for line in check_norm("mine")) == 1
        assert "it takes two machines" in str(info)
    unproven = {name for name in norms.names() if norms.describe(name).unproven}
    assert unproven == {"sync_batch", "ghost_batch", "batch_renorm"}


class WrongWeight(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.detach() * 2


def test_a_weight_norm_that_does_not_learn_is_caught():
    def detached(layer: nn.Module) -> nn.Module:
        """Double the weight."""
        nn.utils.parametrize.register_parametrization(layer, "weight", WrongWeight())
        return layer

    with norms.registered("liar", detached, kind="weight"), pytest.raises(NormContractError) as caught:
        check_norm("liar")
    assert "a gradient is not that of the output" in str(caught.value)
    assert "a second wrapping is no NormKindError" in str(caught.value)
