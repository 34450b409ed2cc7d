"""What counts as collapse: effect sizes, as shares of what a perfect generator has, whatever K, N and the prior are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Effect sizes of the detector.

    None depends on the number of modes or samples, or on the prior: what these change is derived, see
    `gannorm.collapse.expected`.

    Args:
        dropped: A mode with surely less than this share of its frequency is dropped.
        partial: Partial collapse: fewer effective modes than this share of all.
        severe: Severe collapse, likewise.
        total: Total collapse, likewise; or all modes but one have less than `dropped` of their frequency.
        hysteresis: A collapse is over when its share is exceeded by so much.
        hopping: Two looks together have so many more modes than either alone: these are below this share of those.
        window: Looks in which hopping is sought, and samples of rare modes are added up.
        quality: The run is mature once this share of the samples is accepted, and diverging below this share of its
            best; then the few accepted samples say nothing of how deep a collapse is.
        imbalance: KL divergence from the real frequencies, in nats.
        rke: A mode's Rényi kernel entropy below this share of the real one is an intra-mode collapse.
        duplicates: So are so many times the near-duplicates of real samples.
        copies: Until the modes have been there, only if more than this share of all samples have a twin.
        spread: Total collapse without a judge: samples vary by less than this share of the real ones.
        kinds: Likewise: two random samples are the same picture with probability 1 / kinds or more; so are samples that
            vary by less than `severe` of the real ones and are of fewer kinds than `total` of these.
        gradient: Diverging: the discriminator's gradient is so many times its median.
        rank: Precursor: effective rank of the discriminator's weights below this share of its best.
        deviation: Precursor: its features of fakes vary by less than this share of those of real samples.
        warm_up_images: Nothing is said before.
        immature_images: A run that is immature until then is told to have never been healthy; what never was there
            counts as lost from then on.

    Raises:
        ValueError: A number out of range, or collapses whose depths are not in order.

    Example:
        >>> Thresholds(partial=0.4)
        Traceback (most recent call last):
        ValueError: partial=0.4 is not above severe=0.5: total < severe < partial are shares of the modes
    """

    dropped: float = 0.1
    partial: float = 0.8
    severe: float = 0.5
    total: float = 0.2
    hysteresis: float = 0.05
    hopping: float = 0.9
    window: int = 8
    quality: float = 0.5
    imbalance: float = 0.05
    rke: float = 0.5
    duplicates: float = 5.0
    copies: float = 0.95
    spread: float = 0.2
    kinds: float = 2.0
    gradient: float = 10.0
    rank: float = 0.7
    deviation: float = 0.5
    warm_up_images: int = 20_000
    immature_images: int = 100_000

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: a share between 0 and 1 is needed")
        for name in FACTORS:
            if not getattr(self, name) > 1:
                raise ValueError(f"{name}={getattr(self, name)}: a number above 1 is needed")
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name}={getattr(self, name)}: at least {least:g}")
        for lower, upper in (("total", "severe"), ("severe", "partial")):
            if not getattr(self, lower) < getattr(self, upper):
                raise ValueError(
                    f"{upper}={getattr(self, upper)} is not above {lower}={getattr(self, lower)}: "
                    "total < severe < partial are shares of the modes"
                )


SHARES = (
    "dropped",
    "partial",
    "severe",
    "total",
    "hysteresis",
    "hopping",
    "quality",
    "rke",
    "copies",
    "spread",
    "rank",
    "deviation",
)
FACTORS = ("duplicates", "kinds", "gradient")
LEAST = {"window": 3, "imbalance": 0.0, "warm_up_images": 0, "immature_images": 0}
