"""A picture of points in the plane that were judged: what belongs to a mode, what to none, and where the modes are."""

from jaxtyping import Bool, Float
from PIL import Image, ImageDraw
from torch import Tensor

SIZE = 420  # pixels of a side
MARGIN = 1.3  # of the outermost center's distance from the middle
CENTER, DOT = 5, 1  # radii, in pixels
GROUND, CENTERS, ACCEPTED, REJECTED = "#101418", "#8a919c", "#6db1ff", "#f2a06b"


def scatter(points: Float[Tensor, "n 2"], accepted: Bool[Tensor, " n"], centers: Float[Tensor, "k 2"]) -> Image.Image:
    """Return points as dots, blue for those of a mode and orange for the others, over rings where the modes are.

    What lies farther out than the frame is drawn on its edge, so that nothing goes missing.

    Args:
        points: Samples.
        accepted: Which belong to a mode.
        centers: Of the modes; they decide the frame.

    Example:
        >>> import torch
        >>> centers = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> picture = scatter(torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([True, False]), centers)
        >>> picture.size, picture.getpixel((210, 210)), picture.getpixel((419, 210))
        ((420, 420), (109, 177, 255), (242, 160, 107))
    """
    picture = Image.new("RGB", (SIZE, SIZE), GROUND)
    pen = ImageDraw.Draw(picture)
    middle = centers.mean(0)
    reach = MARGIN * float((centers - middle).abs().max().clamp(min=1e-6))

    def places(where: Tensor) -> list[list[float]]:
        x, y = ((where - middle).to(centers) / reach).clamp(-1, 1).unbind(1)
        return [[float(a), float(b)] for a, b in zip((1 + x) / 2 * (SIZE - 1), (1 - y) / 2 * (SIZE - 1), strict=True)]

    for x, y in places(centers):
        pen.ellipse((x - CENTER, y - CENTER, x + CENTER, y + CENTER), outline=CENTERS)
    for kind, colour in ((~accepted, REJECTED), (accepted, ACCEPTED)):
        for x, y in places(points.cpu()[kind]):
            pen.rectangle((x - DOT, y - DOT, x + DOT, y + DOT), fill=colour)
    return picture
