"""The table of pitfalls: what `check` sees in a model, and for each of the others what keeps it from happening."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gannorm.norms.checking import size_rules, training_rules
from gannorm.norms.checking.findings import Found, Severity
from gannorm.norms.checking.places import Network
from gannorm.norms.checking.setting import Setting

STOPPING = frozenset(("N09", "N10", "N11", "N12", "N13", "N35"))
"""Pitfalls that can end a forward pass, so that their findings say why a sample went no further."""

Rule = Callable[[Network, Setting], Iterator[Found]]


@dataclass(frozen=True)
class Pitfall:
    """A way in which norms go wrong, and what is done about it: rules of `check`, or something that prevents it.

    Args:
        code: N and two digits.
        title: What goes wrong.
        source: Where it happened to somebody, or the paper.
        severity: Of its findings, where a rule does not say less; None where there are none.
        rules: What `check` looks for.
        prevented: What prevents it, where a model does not show it.

    Example:
        >>> from gannorm import norms
        >>> norms.pitfalls()[0].title
        'batch statistics under a penalty of each sample'
    """

    code: str
    title: str
    source: str
    severity: Severity | None = None
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    prevented: str = ""

    @property
    def answer(self) -> str:
        """What is done about it."""
        return self.prevented or f"norms.check: {self.severity}"


class Pitfalls(tuple[Pitfall, ...]):
    """All pitfalls; prints as a table."""

    def __str__(self) -> str:
        titles = max(len(row.title) for row in self)
        answers = max(len(row.answer) for row in self)
        return "\n".join(f"{row.code}  {row.title:<{titles}}  {row.answer:<{answers}}  {row.source}" for row in self)


def _found(code: str, severity: Severity, title: str, source: str, *rules: Rule) -> Pitfall:
    return Pitfall(code, title, source, severity, rules)


def _prevented(code: str, title: str, source: str, by: str) -> Pitfall:
    return Pitfall(code, title, source, prevented=by)


_TABLE = Pitfalls(
    [
        _found(
            "N01", "error", "batch statistics under a penalty of each sample",
            "Gulrajani et al. 2017, arXiv:1704.00028, section 4", training_rules.coupled_samples,
        ),
        _found(
            "N02", "error", "synchronized batch norm under a penalty", "pytorch/pytorch#61222",
            training_rules.synchronized,
        ),
        _found(
            "N03", "error", "a compiled model under a penalty", "pytorch/pytorch#91469, #183603",
            training_rules.compiled_penalty,
        ),
        _prevented(
            "N04", "a compiled generator whose fakes serve two steps", "pytorch/pytorch#91542",
            "the training loop compiles nothing; fakes='fresh' draws new ones",
        ),
        _found(
            "N05", "error", "a norm that can be differentiated once under a penalty", "pytorch/pytorch#2264, #4422",
            training_rules.single_backward,
        ),
        _prevented("N06", "batch norm slows a penalty down", "pytorch/pytorch#3076", "N01 refuses the pair"),
        _found(
            "N07", "error", "batch norm of one sample", "pytorch/pytorch#7716; fastai/fastai#1352",
            size_rules.one_sample,
        ),
        _found(
            "N08", "warning", "too few values for a mean and variance", "two values become ±1, whatever they are",
            size_rules.few_values,
        ),
        _found(
            "N09", "error", "instance norm of one position", "pytorch/pytorch#45687",
            size_rules.one_position,
        ),
        _found(
            "N10", "error", "one value per group or layer", "pytorch/pytorch#19250", size_rules.one_value,
        ),
        _found(
            "N11", "error", "instance norm takes a batch for one sample", "torch.nn.InstanceNorm2d, on (N, C, L)",
            size_rules.unbatched,
        ),
        _found(
            "N12", "error", "a norm of another number of channels", "torch.nn.InstanceNorm2d warns only",
            size_rules.other_channels,
        ),
        _found(
            "N13", "error", "LayerNorm of images normalizes their width", "open-mmlab/mmsegmentation#3809, #682",
            size_rules.trailing_axes,
        ),
        _prevented(
            "N14", "groups that do not divide the channels", "open-mmlab/mmcv#688; NVIDIA/physicsnemo#996",
            "norms.create: an error that lists the divisors; num_groups='auto'; channels come first",
        ),
        _found(
            "N15", "note", "groups that make it another norm",
            "IAmSuyogJadhav/3d-mri-brain-tumor-segmentation-using-autoencoder-regularization#12",
            size_rules.extreme_groups,
        ),
        _found(
            "N16", "note", "batch norm in a generator is two functions",
            "junyanz/pytorch-CycleGAN-and-pix2pix#693, #1329", training_rules.two_functions,
        ),
        _found(
            "N17", "warning", "instance norm with running statistics", "junyanz/pytorch-CycleGAN-and-pix2pix#395",
            training_rules.tracked_instances,
        ),
        _found(
            "N18", "warning", "an averaged generator with stale statistics",
            "boschresearch/OASIS#21; rosinality/stylegan2-pytorch#172", training_rules.averaged_statistics,
        ),
        _found(
            "N19", "error", "averaged vectors of a power iteration", "NCAR/miles-credit#394",
            training_rules.averaged_vectors,
        ),
        _prevented(
            "N20", "looking at a spectrally normalized weight changes it", "torch.nn.utils.parametrizations",
            "norms.freeze_state; observers of a run look at copies",
        ),
        _found(
            "N21", "warning", "torch's old weight norm hooks", "pytorch/pytorch#68327, #62293",
            training_rules.old_hooks,
        ),
        _found(
            "N22", "note", "batch norm in several processes, two passes for a step",
            "pytorch/pytorch#22095, #175024", training_rules.two_passes,
        ),
        _found(
            "N23", "note", "batch norm in a discriminator sees real, fake or both", "soumith/ganhacks#52, #9",
            training_rules.mixed_batches,
        ),
        _prevented(
            "N24", "conversion loses what a subclass adds", "timm's SyncBatchNormAct",
            "norms.convert refuses subclasses that are not registered",
        ),
        _found(
            "N25", "note", "mixed precision leaves some norms in float32", "huggingface/pytorch-image-models#1340",
            training_rules.float32_islands,
        ),
        _found(
            "N26", "warning", "statistics in float16", "keras-team/keras#22589",
            training_rules.half_statistics,
        ),
        _found(
            "N27", "note", "a norm loses channels_last", "pytorch/pytorch#111824, #49821",
            training_rules.lost_layout,
        ),
        _found(
            "N28", "note", "running statistics in a compiled model", "pytorch/pytorch#139207, #194504",
            training_rules.moving_buffers,
        ),
        _prevented(
            "N29", "running statistics under torch.func.vmap", "torch.func.replace_all_batch_norm_modules_",
            "torch raises; batch norm without running statistics, or that function, is the way out",
        ),
        _prevented(
            "N30", "weights of one norm loaded into another", "huggingface/lerobot#1887",
            "norms.convert reports what is kept and what is dropped",
        ),
        _found(
            "N31", "warning", "nothing learns a shift (seen in a Sequential)", "see NormInfo.bias_redundant",
            size_rules.no_shift,
        ),
        _found(
            "N32", "warning", "an activation after a norm that has one", "Liu et al. 2020, arXiv:2004.02967",
            size_rules.two_activations,
        ),
        _prevented(
            "N33", "a formula that is wrong", "huggingface/pytorch-image-models#2380, #2741",
            "tests compare every norm with its definition in float64",
        ),
        _found(
            "N34", "note", "instance norm in a generator makes droplets", "Karras et al. 2020, arXiv:1912.04958",
            training_rules.droplets,
        ),
        _found(
            "N35", "warning", "a reference batch that is missing, or parts that are the whole",
            "Hoffer et al. 2017, arXiv:1705.08741", training_rules.unprepared, size_rules.whole_batch,
        ),
        _prevented(
            "N36", "sampling in training mode moves statistics", "follows from N16 and N20",
            "norms.freeze_state; only training passes of a run move buffers",
        ),
    ]
)  # fmt: skip


def pitfalls() -> Pitfalls:
    """Return every known way in which norms go wrong, and what is done about each; print it for a table.

    Example:
        >>> from gannorm import norms
        >>> table = norms.pitfalls()
        >>> len(table), table[8].code, table[8].answer
        (36, 'N09', 'norms.check: error')
        >>> table[19].answer
        'norms.freeze_state; observers of a run look at copies'
    """
    return _TABLE
