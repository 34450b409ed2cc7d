"""Lightning's own messages: those that tell a user of this package nothing are left out."""

import logging
import warnings

IRRELEVANT = (
    r".*does not have many workers.*",
    r".*`LeafSpec` is deprecated.*|.*isinstance\(treespec, LeafSpec\).*",
    r".*torch.optim.lr_scheduler.*",
    r".*You are using `torch.load`.*",
    r".*The `srun` command is available.*",
    r".*max_epochs.*was not set.*|.*`max_epochs=-1`.*",
    r".*Starting from v1.9.0.*",
    r".*Checkpoint directory .* exists and is not empty.*",
)


def quiet_lightning() -> None:
    """Leave out what device was found, which seed was set, and advertisements."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in IRRELEVANT:
        warnings.filterwarnings("ignore", message=message, module=r"pytorch_lightning.*|torch.*|lightning.*")
