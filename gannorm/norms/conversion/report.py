"""What a conversion does, or did, to each layer: a table for people, rows for programs, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from gannorm.norms.catalogue.virtual_batch import prepare, reference_of, unprepare, virtual_norms
from gannorm.norms.conversion.surgery import Change, do_all, residence, undo_all
from gannorm.norms.errors import NormConvertError

COLUMNS = ("layer", "from", "to", "state", "bias of the layer before")


@dataclass(frozen=True)
class Row:
    """What happens to one layer.

    Args:
        path: Where it is; one of its paths if it is shared.
        before: Its norm now.
        after: The norm that it gets; the same as `before` if it stays.
        state: What becomes of γ, β and statistics, or of the weight.
        bias: What becomes of the bias of the layer before it.
        notes: What is worth knowing, one sentence each.
        changes: Whether the layer is another than before.
    """

    path: str
    before: str
    after: str
    state: str = ""
    bias: str = ""
    notes: tuple[str, ...] = ()
    changes: bool = True


@dataclass
class Report:
    """A conversion: print it for a table.

    Args:
        title: What was asked for.
        model: The model; another object than was given only where that is itself a norm.
        rows: A row per layer that is a norm, or looks like one.
        notes: What concerns the whole model.
        new_parameters: Names of the parameters that are not in the model before.
    """

    title: str
    model: nn.Module
    rows: list[Row]
    notes: tuple[str, ...] = ()
    new_parameters: tuple[str, ...] = ()
    _changes: Sequence[Change] = field(default=(), repr=False)
    _converted: nn.Module | None = field(default=None, repr=False)
    _is_done: bool = field(default=False, repr=False)
    _batches: dict[nn.Module, tuple[Tensor, ...]] = field(default_factory=dict, repr=False)

    def undo(self) -> nn.Module:
        """Bring back every layer as it was, and return the model.

        The old layers come back themselves, with the statistics they had. γ and β, where they were kept, are shared
        by the old and the new layer, so training since then stays in them.

        Raises:
            NormConvertError: There is nothing to undo, or the layers were changed again since.
        """
        if not self._is_done:
            raise _cannot_undo("has nothing to undo: it is a plan, or was undone already")
        if not all(change.is_done() for change in self._changes):
            raise _cannot_undo("was followed by another change of the same layers; undo that first")
        undo_all(self._changes)
        self._is_done = False
        self._swap()
        for module, batch in self._batches.items():
            prepare(module, tuple(_moved_to(module, tensor) for tensor in batch))
        _take_batches(self.model)
        return self.model

    def _swap(self) -> None:
        """Exchange the model, where it is itself a norm, for the other one."""
        if self._converted is not None:
            self.model, self._converted = self._converted, self.model

    def __str__(self) -> str:
        changing = sum(row.changes for row in self.rows)
        lines = [f"{self.title}: {_counted(changing, 'layer')} changed, {len(self.rows) - changing} left as they are"]
        cells = [(row.path, row.before, row.after, row.state, row.bias) for row in self.rows]
        columns = [
            (title, *column) for title, column in zip(COLUMNS, zip(*cells, strict=True), strict=True) if any(column)
        ]
        widths = [max(map(len, column)) for column in columns]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in zip(*columns, strict=True)]
        lines += [f"note: {note}" for note in self.all_notes()]
        return "\n".join(lines)

    def all_notes(self) -> list[str]:
        """Return each note once, with the layers it is about."""
        about: dict[str, list[str]] = {}
        for row in self.rows:
            for note in row.notes:
                about.setdefault(note, []).append(row.path)
        return [f"{_listed(paths)}: {note}" for note, paths in about.items()] + list(self.notes)


def carry_out(report: Report) -> Report:
    """Make a plan's changes, all or none, and return it as the report of what was done."""
    do_all(report._changes)
    report._is_done = True
    report._swap()
    report._batches = _take_batches(report.model)
    return report


def _take_batches(model: nn.Module) -> dict[nn.Module, tuple[Tensor, ...]]:
    """Take the reference batches off all modules that have no norm left which needs one, and return them."""
    taken = {module: reference_of(module) for module in model.modules()}
    taken = {module: batch for module, batch in taken.items() if batch and not virtual_norms(module)}
    for module in taken:
        unprepare(module)
    return taken


def _moved_to(module: nn.Module, tensor: Tensor) -> Tensor:
    """Return a tensor where the module is now."""
    at = residence(module, ())
    return tensor.to(**at) if tensor.is_floating_point() else tensor.to(device=at.get("device"))


def optimizer_notes(new_parameters: Sequence[str]) -> tuple[str, ...]:
    """Return what the owner of an optimizer has to know."""
    if not new_parameters:
        return ()
    return (
        f"{_counted(len(new_parameters), 'new parameter')} ({_some(new_parameters)}): an optimizer made before this "
        "does not hold them; make a new one",
    )


def _listed(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} layers ({_some(paths)})"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]}, {names[1]}, ... {names[-1]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cannot_undo(reason: str) -> NormConvertError:
    return NormConvertError(f"this conversion {reason}", path="", layer="Report")
