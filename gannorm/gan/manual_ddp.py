"""Lightning's DDP for a model that takes its steps itself: nothing wraps it, and it averages its gradients itself."""

from itertools import chain

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed


class ManualDDP(DDPStrategy):
    """DDP for a `GAN`: several processes on one machine or more, one device each.

    torch's wrapper expects one backward pass for each forward pass. A GAN has two optimizers, penalties with gradients
    of gradients, steps of their own for lazy penalties, and unrolled copies: so the model stays as it is and averages
    the gradients of a network right before its optimizer steps (`gannorm.gan.ranks`).

    Example:
        >>> trainer = pl.Trainer(devices=2, accelerator="cpu", strategy=ManualDDP())  # doctest: +SKIP
    """

    def configure_ddp(self) -> None:
        """Give all processes the weights and buffers of the first one."""
        assert self.model is not None
        for tensor in chain(self.model.parameters(), self.model.buffers()):
            distributed.broadcast(tensor.detach(), src=0)


def check_strategy(trainer: pl.Trainer) -> None:
    """Refuse a strategy whose processes would not train one GAN.

    Raises:
        ValueError: There are several processes, and the strategy is another one.
    """
    if trainer.world_size > 1 and not isinstance(trainer.strategy, ManualDDP):
        raise ValueError(
            f"strategy {type(trainer.strategy).__name__}: it expects one backward pass for each forward pass, and a "
            "GAN takes several steps of its own; give the Trainer strategy=gannorm.gan.ManualDDP()"
        )
