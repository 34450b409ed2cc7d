"""Exchange the norms of any model: `plan` says what would be done, `convert` does it, its report can undo it."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from torch import nn

from gannorm.norms.conversion.exchange import Wanted
from gannorm.norms.conversion.layers import plan_layers
from gannorm.norms.conversion.report import Report, carry_out
from gannorm.norms.conversion.targets import places
from gannorm.norms.conversion.weights import plan_weights
from gannorm.norms.errors import NormConvertError, NormOptionError
from gannorm.norms.info import Kind
from gannorm.norms.spec import NormLike, NormSpec, resolve

State = Literal["affine", "exact", "reset"]
STATES = ("affine", "exact", "reset")
KINDS = get_args(Kind)


def convert(
    model: nn.Module,
    to: NormLike,
    *,
    where: str | Sequence[str] = "*",
    kind: Kind | None = None,
    state: State = "affine",
    dims: int | None = None,
    fix_bias: bool = True,
    **options: Any,
) -> Report:
    """Exchange a model's norms in place, all or none, and return a report that prints as a table and can undo it.

    Converted are torch's own norms, registered ones, and those of timm and torchvision that are torch's under another
    name; an activation in the same layer stays. Device, dtype, mode, hooks and shared layers are kept, and γ and β are
    the same parameters as before. A layer before a norm, that had no bias because the old norm would take it away, gets
    one of zeros if the new norm does not. What runs before a norm is read from a trace of the forward pass; where that
    is not certain, a note says so instead.

    Args:
        model: Any module, before it is compiled or wrapped. A model that is itself a norm comes back as `report.model`.
        to: The norm, in any form of `resolve`; None for none. Weight norms go onto convolutions and linear layers.
        where: Shell pattern of layer paths, such as "layer1.*", or several; "!..." leaves out. An `Identity` is taken
            for a missing norm if the pattern ends in its own name ("*.norm"), or if it was left by a conversion.
        kind: "weight" with `to=None`: take the weight norms off, leaving the weights that they compute.
        state: "affine" keeps γ and β; "exact" keeps the function, or is an error; "reset" starts anew.
        dims: Number of spatial axes, where it cannot be seen.
        fix_bias: Whether to add the bias that the new norm needs.
        options: Of the norm, by name.

    Raises:
        NormConvertError: A layer or model that cannot be converted rightly; nothing was changed.
        NormError: As `create`, for the norm that is asked for.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        >>> report = norms.convert(model, to="group")
        >>> model[1]
        GroupNorm(2, 8, eps=1e-05, affine=True...)
        >>> print(report)
        convert to group: 1 layer changed, 0 left as they are
        layer  from   to     state     bias of the layer before
        1      batch  group  γ β kept  added
        note: 1: running statistics dropped: outputs in eval mode change; fine-tune
        note: 1 new parameter (0.bias): an optimizer made before this does not hold them; make a new one
        >>> report.undo() is model, model[1]
        (True, BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True...))
    """
    return carry_out(
        plan(model, to, where=where, kind=kind, state=state, dims=dims, fix_bias=fix_bias, **options)
    )  # fmt: skip


def plan(
    model: nn.Module,
    to: NormLike,
    *,
    where: str | Sequence[str] = "*",
    kind: Kind | None = None,
    state: State = "affine",
    dims: int | None = None,
    fix_bias: bool = True,
    **options: Any,
) -> Report:
    """Return what `convert` would do, with the same arguments and errors, and touch nothing.

    Example:
        >>> from torch import nn
        >>> from gannorm import norms
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> [(row.path, row.before, row.after) for row in norms.plan(model, to="layer").rows]
        [('1', 'batch', 'layer')]
    """
    spec = resolve(to, **options)
    _check(model, spec, kind, state)
    asked = kind or (spec.info.kind if spec.info is not None else "activation")
    if asked == "weight":
        return plan_weights(model, spec, places(model, where))
    return plan_layers(model, places(model, where), Wanted(spec, state, dims), where, fix_bias)


def _check(model: Any, spec: NormSpec, kind: Any, state: Any) -> None:
    """Refuse arguments that are none of those that there are."""
    name = type(model).__name__
    if not isinstance(model, nn.Module):
        raise NormConvertError(f"model={model!r} ({name}) is no torch.nn.Module; give one", path="", layer=name)
    if state not in STATES:
        raise NormConvertError(f"state={state!r} is none of {str(STATES)[1:-1]}", path="", layer=name)
    if kind not in (None, *KINDS):
        raise NormOptionError(
            f"kind={kind!r} is none of {str(KINDS)[1:-1]}; leave it out, or give kind='weight' with to=None",
            norm=spec.name, option="kind", value=kind, accepted=dict.fromkeys(KINDS),
        )  # fmt: skip
