"""Penalties that are computed every k-th step only: the optimizer that makes up for it, and where it fails."""

from collections.abc import Sequence

from gannorm.penalties.penalty import Penalty

FAILED = ("r1", "r2")
FAILED_ON = ("smnist", "stacked", "ring", "grid", "veegan", "mixture", "points")  # how the names of such data begin


def lazy_rate_and_betas(
    rate: float | int, betas: Sequence[float | int], interval: int
) -> tuple[float, tuple[float, float]]:
    """Return rate and betas of an Adam that takes k + 1 steps where it would take k: c·rate and β^c, c = k / (k + 1).

    For both kinds of steps, of the loss and of the penalty; in the paper they share one optimizer and its moments, so
    that it sees k gradients of the loss, then one of the penalty, which is multiplied by k.

    Args:
        rate: Learning rate.
        betas: Adam's two.
        interval: k, steps of the loss from one step of the penalty to the next. 1 changes nothing: the penalty is then
            a part of the loss and takes no step of its own.

    Raises:
        ValueError: The interval is below 1.

    Source:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, appendix B.

    Example:
        >>> lazy_rate_and_betas(0.004, (0.0, 0.0), interval=3)
        (0.003, (0.0, 0.0))
        >>> lazy_rate_and_betas(0.002, (0.0, 0.99), interval=1)
        (0.002, (0.0, 0.99))
    """
    if interval < 1:
        raise ValueError(f"interval={interval} of a penalty: a number of steps, 1 or more")
    share = 1.0 if interval == 1 else interval / (interval + 1)
    return rate * share, (betas[0] ** share, betas[1] ** share)


def lazy_warning(penalties: Sequence[Penalty], data_name: str) -> str | None:
    """Return a sentence where lazy R1 or R2 is known to fail on such data: Stacked MNIST and mixtures of points.

    Args:
        penalties: Of a run.
        data_name: Of its data, such as "stacked_mnist" or "ring/pacgan".

    Example:
        >>> from gannorm.penalties import resolve
        >>> lazy_warning(resolve({"name": "r1", "interval": 8}), "mnist") is None
        True
    """
    lazy = [penalty for penalty in penalties if penalty.name in FAILED and penalty.interval > 1]
    if not lazy or not data_name.startswith(FAILED_ON):
        return None
    named = " and ".join(f"{penalty.name} every {penalty.interval} steps" for penalty in lazy)
    return (
        f"{named} on {data_name}: lazy R1 and R2 failed completely on Stacked MNIST and on 2D toy sets, says R3GAN "
        "(arXiv:2501.05441); interval: 1 computes them in every step"
    )
