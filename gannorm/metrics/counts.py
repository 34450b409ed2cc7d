"""What counts of samples and frequencies of modes have to be."""

from jaxtyping import Float, Int
from torch import Tensor


def checked_prior(prior: Float[Tensor, " any"], num_modes: int) -> Float[Tensor, " k"]:
    """Return frequencies as float64 on the CPU.

    Raises:
        ValueError: Not one number per mode, one that is not positive, or a sum that is not 1.
    """
    if len(prior) != num_modes:
        raise ValueError(f"prior has {len(prior)} numbers; {num_modes} modes need {num_modes}")
    if not bool((prior > 0).all()):
        lowest = int(prior.argmin())
        raise ValueError(f"prior has {float(prior[lowest]):g} for mode {lowest}; leave out modes without data")
    exact = prior.cpu().double()
    if abs(float(exact.sum()) - 1) > 1e-4:
        raise ValueError(f"prior sums to {float(exact.sum()):g}, not to 1; give frequencies, counts / counts.sum()")
    return exact / exact.sum()


def check_counts(counts: Int[Tensor, " k"], num_samples: int) -> None:
    """Refuse counts that cannot be.

    Raises:
        ValueError: A negative count, or more accepted samples than samples.
    """
    if len(counts) and int(counts.min()) < 0:
        raise ValueError(f"counts has {int(counts.min())} for mode {int(counts.argmin())}; a count is 0 or more")
    if (total := int(counts.sum())) > num_samples:
        raise ValueError(f"counts sums to {total} but num_samples is {num_samples}; it counts rejected samples too")
