"""The network that tells digits apart and says when a picture is none."""

from collections import OrderedDict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

NUM_DIGITS = 10
NOT_A_DIGIT = 10  # number of the eleventh logit
FEATURES = 96
# Input channels, output channels, kernel, stride: 28 to 14 to 7 pixels a side.
CONVOLUTIONS = ((1, 16, 5, 2), (16, 24, 3, 1), (24, 48, 3, 2), (48, 48, 3, 1))


class DigitNetwork(nn.Module):
    """A small convolutional network, about 2.5 million multiplications per image.

    Args:
        norm: Whether batch norm follows the convolutions, as it does in training; `folded` takes it out.

    Shapes:
        Images (N, 1, 28, 28) in [-1, 1] to logits (N, 11): ten digits and "not a digit".

    Example:
        >>> DigitNetwork()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 11])
    """

    def __init__(self, *, norm: bool = False) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*(_convolution(*sizes, norm=norm) for sizes in CONVOLUTIONS))
        self.hidden = nn.Linear(CONVOLUTIONS[-1][1] * 7 * 7, FEATURES)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(FEATURES, NUM_DIGITS + 1)

    def features(self, images: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 96"]:
        """Return what the last layer sees."""
        return self.hidden(self.convolutions(images).flatten(1)).relu_()

    def forward(self, images: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 11"]:
        """Return the logits."""
        return self.head(self.dropout(self.features(images)))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, *, norm: bool) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
    follows = nn.BatchNorm2d(outputs) if norm else nn.Identity()
    return nn.Sequential(OrderedDict(layer=layer, norm=follows, activation=nn.ReLU(inplace=True)))


@torch.no_grad()
def folded(network: DigitNetwork) -> DigitNetwork:
    """Return the same function without batch norm: its running statistics go into the convolutions' weights.

    Example:
        >>> network = DigitNetwork(norm=True).eval()
        >>> x = torch.randn(2, 1, 28, 28)
        >>> torch.allclose(network(x), folded(network)(x), atol=1e-5)
        True
    """
    result = DigitNetwork().eval()
    pairs: Any = zip(result.convolutions, network.eval().convolutions, strict=True)
    for mine, theirs in pairs:
        mine.layer = fuse_conv_bn_eval(theirs.layer, theirs.norm)
    for name in ("hidden", "head"):
        getattr(result, name).load_state_dict(getattr(network, name).state_dict())
    return result
