"""What Lightning's resume needs besides a loader that knows where it stands."""

from typing import Any

import pytorch_lightning as pl


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
