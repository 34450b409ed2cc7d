"""Data modules whose runs resume: what Lightning needs besides a loader that knows where it stands."""

from typing import Any

import pytorch_lightning as pl
import torch

from gannorm.data.idx import DataError


class ResumableDataModule(pl.LightningDataModule):
    """A data module whose runs go on exactly where they were stopped, as often as they are.

    Use it with a loader that has a state, such as `ResidentLoader`.
    """

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ARG002 (Lightning's signature)
        """Count an epoch that Lightning has begun without counting it, and pass the batch on.

        Lightning 2.6 does so after resuming from an epoch's last batch; a checkpoint from within that epoch would
        then be taken for one from between epochs, and the loader's state be ignored.
        """
        if self.trainer is not None and self.trainer.training:
            progress = self.trainer.fit_loop.epoch_progress
            current: Any = progress.current
            if current.started == current.processed:
                progress.increment_ready()
                progress.increment_started()
        return batch


class SeededDataModule(ResumableDataModule):
    """A resumable data module with a seed that a resumed run takes over.

    Args:
        batch_size: Samples in each batch.
        seed: Of the order, or of the samples; None = torch's own seed, which `seed_everything` sets.
    """

    def __init__(self, *, batch_size: int, seed: int | None) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed

    def settled_seed(self) -> int:
        """Return the seed, and keep it: from the first batch on it belongs to the run."""
        if self.seed is None:
            self.seed = torch.initial_seed()
        return self.seed

    def device(self) -> torch.device:
        """Return where a resident set belongs: the trainer's device, the CPU without a trainer.

        Of several processes each has the whole set and shows all batches in the same order; `GAN` takes its share.
        """
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def state_dict(self) -> dict[str, Any]:
        """Return the seed: a resumed run has to draw the same orders."""
        return {"seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the seed of the run that goes on."""
        self.seed = state_dict["seed"]


def check_batch_size(batch_size: int, num_samples: int, kind: str = "images") -> None:
    """Raise DataError if no full batch of this size can be made."""
    if not 1 <= batch_size <= num_samples:
        raise DataError(f"batch_size={batch_size} does not fit: choose 1 to {num_samples}, the number of {kind}")
