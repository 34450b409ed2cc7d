"""What judges are tried on: small pictures of three shapes, and judges that somebody might write."""

import torch

from gannorm import rng


class Shapes:
    """Coloured bars, posts and discs of 8 x 8 pixels, on black."""

    name = "shapes"
    classes = ("bar", "post", "disc")

    def __init__(self, num: int = 300, seed: int = 0):
        generator = rng.generator(seed, "shapes")
        axis = torch.arange(8)
        center = torch.randint(3, 5, (num, 2, 1, 1), generator=generator)
        x, y = (axis - center[:, 0]).abs(), (axis[:, None] - center[:, 1]).abs()
        masks = torch.stack([(y <= 0) & (x <= 3), (x <= 0) & (y <= 3), x**2 + y**2 <= 4], dim=1)
        self.labels = torch.arange(num) % 3
        colours = torch.rand(num, 3, 1, 1, generator=generator) * 0.4 + 0.6
        self.images = (masks[torch.arange(num), self.labels][:, None] * colours * 255).byte()


class Sign:
    """A judge of numbers by their sign, with as many faults as are asked for."""

    def __init__(self, *, num_modes=2, prior=(0.4, 0.6), mode=None, columns=3, threshold=None, confusion=None):
        self.num_modes = num_modes
        self.prior = prior
        self.mode = mode
        self.columns = columns
        self.confusion = confusion
        if threshold is not None:
            self.threshold = threshold

    def __call__(self, x):
        mode = (x[:, 0] > 0).long() if self.mode is None else self.mode
        return (x, mode, x[:, 0].abs())[: self.columns]


def first_two(x):
    """Features that are the first two numbers of each sample."""
    return x.flatten(1)[:, :2]


def upside_down(x):
    """The same for features with their axes in the wrong order."""
    return x.flatten(1)[:, :2].T
