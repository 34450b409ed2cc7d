"""Where runs are logged, without asking any server."""

import os
from collections.abc import Iterator
from pathlib import Path

from gannorm.doctor.finding import Finding

TOLD = {
    "online": "online: runs are sent to the server while they go on",
    "offline": "offline: runs are logged here, and `wandb sync` sends them",
    "disabled": "disabled: runs are not logged there",
}


def wandb(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say whether runs go to Weights & Biases, and whether somebody is logged in."""
    from gannorm import tracking

    try:
        mode = tracking.mode()
    except ValueError as error:
        yield Finding("wandb", str(error), "wrong", "set it to one of these, or unset WANDB_MODE")
        return
    logged_in = tracking.is_logged_in()
    said = "somebody is logged in" if logged_in else "nobody is logged in"
    why = f" (WANDB_MODE={os.environ['WANDB_MODE']})" if os.environ.get("WANDB_MODE") else ""
    told = f"{TOLD[mode]}; {said}{why}"
    details = {"mode": mode, "logged_in": logged_in}
    if mode == "online" and not logged_in:
        yield Finding("wandb", told, "warning", "`wandb login`, or WANDB_MODE=offline", details)
    else:
        yield Finding("wandb", told, details=details)
