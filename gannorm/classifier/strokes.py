"""Pen strokes that are no digits: scribbles and letters."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

SIDE = 28
POINTS = 24  # on each stroke
# Capital letters that resemble no digit, as strokes between points (x, y) in [0, 1], y downward.
LETTERS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "A": ((0.5, 0, 0, 1), (0.5, 0, 1, 1), (0.25, 0.55, 0.75, 0.55)),
    "E": ((0, 0, 0, 1), (0, 0, 1, 0), (0, 0.5, 0.8, 0.5), (0, 1, 1, 1)),
    "F": ((0, 0, 0, 1), (0, 0, 1, 0), (0, 0.5, 0.8, 0.5)),
    "H": ((0, 0, 0, 1), (1, 0, 1, 1), (0, 0.5, 1, 0.5)),
    "K": ((0, 0, 0, 1), (1, 0, 0, 0.55), (0.2, 0.45, 1, 1)),
    "M": ((0, 1, 0, 0), (0, 0, 0.5, 0.6), (0.5, 0.6, 1, 0), (1, 0, 1, 1)),
    "N": ((0, 1, 0, 0), (0, 0, 1, 1), (1, 1, 1, 0)),
    "T": ((0, 0, 1, 0), (0.5, 0, 0.5, 1)),
    "W": ((0, 0, 0.25, 1), (0.25, 1, 0.5, 0.3), (0.5, 0.3, 0.75, 1), (0.75, 1, 1, 0)),
    "X": ((0, 0, 1, 1), (1, 0, 0, 1)),
}


def draw(points: Float[Tensor, "n p 2"], width: Float[Tensor, "n 1"]) -> Float[Tensor, "n 1 28 28"]:
    """Return pictures of pens of some width, in pixels, that touch all the points; coordinates are pixels too."""
    axis = torch.arange(SIDE, dtype=points.dtype)
    pixels = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).view(1, -1, 2)
    distance = torch.cdist(pixels, points).amin(dim=2)
    return ((width - distance).clamp(0, 1) * 2 - 1).view(-1, 1, SIDE, SIDE)


def scribbles(digits: Float[Tensor, "n 1 28 28"], generator: Generator) -> Float[Tensor, "n 1 28 28"]:
    """Four to seven bent strokes that begin and end anywhere."""
    n, strokes = len(digits), int(torch.randint(4, 8, (), generator=generator))
    start, bend, end = (torch.rand(n, strokes, 1, 2, generator=generator) * 22 + 3 for _ in range(3))
    time = torch.linspace(0, 1, POINTS)[:, None]
    curve = start * (1 - time) ** 2 + 2 * bend * time * (1 - time) + end * time**2
    return draw(curve.view(n, -1, 2), torch.rand(n, 1, generator=generator) + 1.2)


def sticks(digits: Float[Tensor, "n 1 28 28"], generator: Generator) -> Float[Tensor, "n 1 28 28"]:
    """Three to five straight strokes, most of them upright or level."""
    n, strokes = len(digits), int(torch.randint(3, 6, (), generator=generator))
    start, end = (torch.rand(n, strokes, 1, 2, generator=generator) * 20 + 4 for _ in range(2))
    axis = torch.randint(0, 3, (n, strokes, 1, 1), generator=generator)  # 2: slanted
    end = torch.where(axis == torch.arange(2), start + torch.randn(end.shape, generator=generator), end)
    time = torch.linspace(0, 1, POINTS)[:, None]
    line = start * (1 - time) + end * time
    return draw(line.view(n, -1, 2), torch.rand(n, 1, generator=generator) + 1.2)


def letters(digits: Float[Tensor, "n 1 28 28"], generator: Generator) -> Float[Tensor, "n 1 28 28"]:
    """Capital letters of straight strokes, with points that tremble."""
    time = torch.linspace(0, 1, POINTS)[:, None]
    names = list(LETTERS)
    pictures = []
    for number in torch.randint(len(names), (len(digits),), generator=generator).tolist():
        ends = torch.tensor(LETTERS[names[number]]).view(-1, 2, 1, 2)
        corner, size = torch.tensor([7.0, 5.0]), torch.tensor([14.0, 18.0])
        ends = corner + size * ends + torch.randn(ends.shape, generator=generator) * 0.7
        line = ends[:, 0] * (1 - time) + ends[:, 1] * time
        pictures.append(draw(line.view(1, -1, 2), torch.rand(1, 1, generator=generator) + 1.2))
    return torch.cat(pictures)
