"""The remedies by name, also those that are options of something else, and how a config names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gannorm.import_path import by_path
from gannorm.remedies.diff_augment import DiffAugment
from gannorm.remedies.feature_matching import FeatureMatching
from gannorm.remedies.instance_noise import InstanceNoise
from gannorm.remedies.mode_seeking import ModeSeeking
from gannorm.remedies.options import made, split_spec, unknown
from gannorm.remedies.remedy import Remedy
from gannorm.remedies.unrolling import Unrolling

HERE = "model.remedies"


@dataclass(frozen=True)
class Row:
    """One row of the table of remedies.

    Args:
        name: As it stands in configs.
        does: What it does, in one sentence without a full stop.
        paper: Where it is from.
        example: YAML that switches it on.
        remedy: What acts in the loop; None for an option of something else.
        where: The option that switches it on.

    Example:
        >>> Row("rest", "Nothing", "None", "model: {}").where
        'model.remedies'
    """

    name: str
    does: str
    paper: str
    example: str
    remedy: type[Remedy] | None = None
    where: str = HERE


REMEDIES = {
    row.name: row
    for row in (
        Row(
            "packing",
            does="The discriminator judges m samples at a time, and so sees when they are all alike",
            paper="Lin et al. 2018, arXiv:1712.04086",
            where="model.discriminator.packing",
            example="model: {discriminator: {packing: 2}}",
        ),
        Row(
            "minibatch_stddev",
            does="One more feature tells the discriminator how much the samples of a batch differ",
            paper="Karras et al. 2018, arXiv:1710.10196, section 3",
            where="model.discriminator.minibatch",
            example="model: {discriminator: {minibatch: stddev}}",
        ),
        Row(
            "minibatch_discrimination",
            does="Further features tell the discriminator how close each sample is to the others of its batch",
            paper="Salimans et al. 2016, arXiv:1606.03498, section 3.2",
            where="model.discriminator.minibatch",
            example="model: {discriminator: {minibatch: discrimination}}",
        ),
        Row(
            "feature_matching",
            does="The generator is also, or only, asked for the mean features of real images",
            paper="Salimans et al. 2016, arXiv:1606.03498, section 3.1",
            remedy=FeatureMatching,
            example="model: {remedies: {name: feature_matching, alone: true}}",
        ),
        Row(
            "mode_seeking",
            does="The generator pays where latent vectors that lie apart become samples that lie close",
            paper="Mao et al. 2019, arXiv:1903.05628",
            remedy=ModeSeeking,
            example="model: {remedies: {name: mode_seeking, strength: 1.0}}",
        ),
        Row(
            "unrolling",
            does="The generator answers to the discriminator as it will be after k more steps",
            paper="Metz et al. 2017, arXiv:1611.02163",
            remedy=Unrolling,
            example="model: {remedies: {name: unrolling, steps: 5}}",
        ),
        Row(
            "diff_augment",
            does="Real and fake images are altered at random, with a gradient, before the discriminator sees them",
            paper="Zhao et al. 2020, arXiv:2006.10738",
            remedy=DiffAugment,
            example="model: {remedies: {name: diff_augment, policy: [translation, cutout]}}",
        ),
        Row(
            "instance_noise",
            does="Real and fake images get noise, so that they overlap, and less of it as the run goes on",
            paper="Sønderby et al. 2017, arXiv:1610.04490",
            remedy=InstanceNoise,
            example="model: {remedies: {name: instance_noise, std: {start: 0.1, end: 0.0, until: 0.5}}}",
        ),
        Row(
            "two_rates",
            does="The discriminator learns at a rate of its own, most often a higher one",
            paper="Heusel et al. 2017, arXiv:1706.08500",
            where="model.generator_rate and model.discriminator_rate",
            example="model: {generator_rate: 0.0001, discriminator_rate: 0.0004}",
        ),
        Row(
            "several_steps",
            does="One network takes several steps for each step of the other",
            paper="Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1",
            where="model.discriminator_steps and model.generator_steps",
            example="model: {discriminator_steps: 5}",
        ),
        Row(
            "generator_ema",
            does="Samples come from an average of the generator's weights over the last steps",
            paper="Yazıcı et al. 2019, arXiv:1806.04498",
            where="model.ema_half_life",
            example="model: {ema_half_life: 40000}",
        ),
    )
}

RemedySpec: TypeAlias = "str | Mapping[str, Any] | Remedy | type[Remedy] | None"
RemediesSpec: TypeAlias = "RemedySpec | Sequence[RemedySpec]"


def resolve(spec: RemediesSpec) -> tuple[Remedy, ...]:
    """Return the remedies that were asked for, in their order.

    Args:
        spec: None; a name of `REMEDIES`; a mapping `{name: mode_seeking, strength: 0.5}`; the import path of a `Remedy`
            of one's own, or a mapping `{class_path: package.module.Class, init_args: {...}}`; such an object or class;
            or a list of these.

    Raises:
        ValueError: There is no such remedy or option, it is switched on elsewhere, or it is named twice.

    Example:
        >>> [remedy.strength for remedy in resolve({"name": "mode_seeking", "strength": 0.5})]
        [0.5]
        >>> resolve("packing")
        Traceback (most recent call last):
        ValueError: remedy 'packing' is no entry of model.remedies; set model.discriminator.packing
    """
    if spec is None:
        return ()
    listed = list(spec) if isinstance(spec, Sequence) and not isinstance(spec, str) else [spec]
    remedies = tuple(map(_one, listed))
    kinds = [type(remedy) for remedy in remedies]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(f"remedy {name_of(kind)!r} is named twice; once is enough")
    return remedies


def name_of(kind: type[Remedy]) -> str:
    """Return the name of a class in the table, or its own.

    Example:
        >>> name_of(ModeSeeking)
        'mode_seeking'
    """
    return next((row.name for row in REMEDIES.values() if row.remedy is kind), kind.__name__)


def _one(spec: Any) -> Remedy:
    if isinstance(spec, Remedy) or (isinstance(spec, type) and issubclass(spec, Remedy)):
        return spec if isinstance(spec, Remedy) else made("remedy", name_of(spec), spec, {})
    if isinstance(spec, Mapping) and "class_path" in spec:
        return _own(spec["class_path"], spec.get("init_args") or {})
    name, options = split_spec("remedy", spec)
    if "." in name:
        return _own(name, options)
    if name not in REMEDIES:
        raise ValueError(unknown("remedy", name, REMEDIES))
    row = REMEDIES[name]
    if row.remedy is None:
        raise ValueError(f"remedy {name!r} is no entry of {HERE}; set {row.where}")
    return made("remedy", name, row.remedy, options)


def _own(path: Any, options: Any) -> Remedy:
    """Return somebody's own remedy."""
    if not isinstance(options, Mapping):
        raise ValueError(f"remedy {path!r}: init_args={options!r} are no options by name")
    kind = by_path(path)
    if isinstance(kind, Remedy) and not options:
        return kind
    if not (isinstance(kind, type) and issubclass(kind, Remedy)):
        raise ValueError(f"remedy {path!r} is no gannorm.remedies.Remedy; derive your class from it")
    return made("remedy", path, kind, options)
