"""How results are measured: named, versioned presets of data, number of samples, judge and rules.

`protocols.yaml` holds them; `Protocol` says what each key means. Data and judge stand there by import path, so that
rooms that a protocol does not use stay unimported. A protocol also computes what its paper's code prints,
faults included (`Protocol.legacy`), so that a score can stand beside the published ones.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Float, Int
from torch import Tensor

from gannorm import records
from gannorm.import_path import by_path
from gannorm.metrics import legacy
from gannorm.published import NATS

FILE = Path(__file__).with_name("protocols.yaml")
Over = Literal["accepted", "all"]
Figure = Literal["modes", "kl", "high_quality"]
KEYS: dict[Figure, str] = {"modes": "raw_modes", "kl": "kl", "high_quality": "high_quality"}


@dataclass(frozen=True)
class Built:
    """An object as configurations name it: the path of its class, and arguments."""

    class_path: str
    init_args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way to measure; None stands where the source does not say.

    Attributes:
        name: As it is asked for.
        version: Of its rules; a printed score says it.
        title: For people.
        data: The data module that stands for the paper's.
        judge: The judge that stands for the paper's.
        num_samples: N.
        rule: When a sample counts, in words.
        classifier_sha256: Of the classifier of ours that the protocol is pinned to; None for judges without one.
        reports: Which figures the paper or its code has.
        modes_over: Whether modes are counted over accepted samples only.
        kl_over: Whether the KL is over accepted samples only.
        kl_reference: What the KL is to: the uniform distribution, or the true frequencies.
        log_base: Of the KL.
        raw_modes_at: How many samples make a mode count.
        repeats: Runs that the paper averages.
        spread: What the paper prints behind ±.
        classifier: The paper's classifier, in words; ours is another.
        source: The paper.
        code: Where its code has it.
        read: Whether this was "read" there or is "remembered".
        notes: Traps, and where this differs from the paper.
    """

    name: str
    version: int
    title: str
    data: Built
    judge: Built
    num_samples: int | None
    rule: str | None
    reports: tuple[Figure, ...]
    modes_over: Over | None
    kl_over: Over | None
    kl_reference: Literal["uniform", "prior"] | None
    log_base: Literal["e", "10"] | None
    source: str
    read: Literal["read", "remembered"]
    notes: tuple[str, ...]
    raw_modes_at: int = 1
    classifier_sha256: str | None = None
    repeats: int | None = None
    spread: Literal["SE", "SD"] | None = None
    classifier: str | None = None
    code: str | None = None

    def make_data(self, **overrides: Any) -> Any:
        """Return the protocol's data module; arguments given here win, such as `batch_size`.

        Example:
            >>> protocol("mnist").make_data(batch_size=16).batch_size
            16
        """
        return by_path(self.data.class_path)(**{**self.data.init_args, **overrides})

    def make_judge(self, **overrides: Any) -> Any:
        """Return the protocol's judge; arguments given here win, such as `rule` for points.

        A judge of points is given the centers, σ and frequencies of the protocol's mixture.

        Raises:
            ValueError: The protocol's mixture is not fully known.

        Example:
            >>> protocol("mnist").make_judge().num_modes
            10
        """
        geometry = GEOMETRY.get(self.judge.class_path, _no_geometry)(self)
        return by_path(self.judge.class_path)(**{**geometry, **self.judge.init_args, **overrides})

    def legacy(
        self,
        counts_accepted: Int[Tensor, " k"],
        counts_all: Int[Tensor, " any"],
        prior: Float[Tensor, " any_other"] | None = None,
    ) -> dict[str, Any]:
        """Return what the paper's code computes, without corrections: `raw_modes`, `kl` and `high_quality`.

        `raw_modes` is the number of modes with at least `raw_modes_at` samples, `kl` is Σ p log(p / q) over the modes
        that have samples, p = c / Σ c and q the protocol's reference, in the protocol's `log_base`, and `high_quality`
        the share of accepted samples. None stands for what the paper has not or how it is not stated, and for the KL of
        no sample. `protocol`, `log_base`, `kl_reference` and `num_samples` say what the numbers are.

        Args:
            counts_accepted: Accepted samples of each mode.
            counts_all: Samples of each mode whether accepted or not.
            prior: True frequencies of the modes, for protocols whose `kl_reference` is "prior".

        Raises:
            ValueError: More accepted samples than samples in a mode, or no prior where one is needed.

        Example:
            >>> import torch
            >>> half = torch.tensor([50, 50, 0, 0])
            >>> protocol("smnist/selfcond").legacy(half, half)["kl"]  # log10 of 2
            0.3010...
        """
        legacy.check_counts(counts_accepted, counts_all)
        counts = {"accepted": counts_accepted.cpu(), "all": counts_all.cpu(), None: None}
        figures = {
            "raw_modes": legacy.raw_modes(counts[self.modes_over], self.raw_modes_at),
            "kl": self._kl(counts[self.kl_over], prior),
            "high_quality": legacy.share(counts_accepted, counts_all),
        }
        named = {"protocol": self.label, "log_base": self.log_base, "kl_reference": self.kl_reference}
        reported = {key: figures[key] if figure in self.reports else None for figure, key in KEYS.items()}
        return {**reported, **named, "num_samples": int(counts_all.sum())}

    @property
    def label(self) -> str:
        """Name and version, as scores print them.

        Example:
            >>> protocol("ring/pacgan").label
            'ring/pacgan v1'
        """
        return f"{self.name} v{self.version}"

    def _kl(self, counts: Int[Tensor, " k"] | None, prior: Float[Tensor, " any"] | None) -> float | None:
        if counts is None or self.kl_reference is None or self.log_base is None:
            return None
        if self.kl_reference == "prior" and prior is None:
            raise ValueError(f"protocol {self.name}: its KL is to the true frequencies; give the prior")
        kl = legacy.plug_in_kl(counts, {"uniform": None, "prior": prior}[self.kl_reference])
        return None if kl is None else kl / NATS[self.log_base]


@dataclass(frozen=True)
class Presets:
    """The file: hashes of our classifiers, and the protocols by name."""

    classifiers: dict[str, str]
    protocols: dict[str, dict[str, Any]]


def protocol(name: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        RecordError: There is none of this name; the nearest one is given.

    Example:
        >>> protocol("smnist/selfcond").log_base, protocol("smnist/veegan-pacgan").num_samples
        ('10', 26000)
        >>> protocol("ring/pagcan")
        Traceback (most recent call last):
        gannorm.records.RecordError: no protocol 'ring/pagcan'; did you mean 'ring/pacgan'?
    """
    return records.choose(protocols(), name, "protocol")


def names() -> list[str]:
    """Return the names of all protocols, ours first.

    Example:
        >>> names()[:3]
        ['mnist', 'stacked_mnist', 'smnist/veegan-pacgan']
    """
    return list(protocols())


def judge_of(data: Any) -> Any | None:
    """Return the judge of a data module, with the module's own frequencies; None where no protocol has its name.

    None, too, where the protocol's judge takes samples of another shape, such as digits padded to 32 pixels, or where
    shares of 0 leave out some of its modes: the distance from frequencies of 0 is infinite.

    Example:
        >>> from gannorm.data import MNIST
        >>> judge = judge_of(MNIST(shares=[2.0] + [1.0] * 9))
        >>> round(judge.prior[0].item(), 2)
        0.18
    """
    name = getattr(data, "name", None)
    if name not in protocols() or (data.prior is not None and not bool((data.prior > 0).all())):
        return None
    judge = protocols()[name].make_judge(prior=data.prior)
    return judge if judge.sample_shape == tuple(data.image_shape) else None


@functools.cache
def protocols() -> dict[str, Protocol]:
    """Return all protocols, read and checked once."""
    return checked(records.read(FILE))


def checked(content: Any) -> dict[str, Protocol]:
    """Return the protocols of a file's content.

    Raises:
        RecordError: A key or type that a protocol has not.
    """
    presets = records.record(Presets, content, FILE.name)
    return {
        name: records.record(Protocol, {"name": name, **fields}, f"protocol {name}")
        for name, fields in presets.protocols.items()
    }


def _no_geometry(protocol: Protocol) -> dict[str, Any]:  # noqa: ARG001 (a row's signature)
    return {}


def _mixture(protocol: Protocol) -> dict[str, Any]:
    """Return where a protocol's Gaussians are, how wide, and how frequent."""
    mixture = by_path("gannorm.data.mixtures.MIXTURES")[protocol.data.init_args["preset"]]
    if mixture.sigma is None:
        raise ValueError(f"protocol {protocol.name}: its source does not state σ and radius; take ring/pacgan instead")
    return {
        "centers": mixture.centers,
        "sigma": mixture.sigma,
        "noisy_dims": mixture.noisy_dims,
        "prior": protocol.make_data().prior,
    }


GEOMETRY: dict[str, Callable[[Protocol], dict[str, Any]]] = {"gannorm.judges.MixtureJudge": _mixture}
"""What a judge has to know of the data, by the judge's class."""
