"""What trains: the processor, GPUs, and which precision is quick on them."""

import os
import platform
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from gannorm.doctor.finding import Finding

INFORMATION = Path("/proc/cpuinfo")
DRIVER = Path("/proc/driver/nvidia/version")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
WARM, ROUNDS = 2, 6  # passes in each precision
QUICK = 1.1  # times as fast as float32, from which on a precision is worth it


def processor(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say what the processor is, and how many threads torch starts for how many cores."""
    import torch

    cores, threads = cores_allowed(), torch.get_num_threads()
    capability = torch.backends.cpu.get_cpu_capability()
    told = f"{processor_name()}, {cores:g} cores for this process, {threads} of torch's threads, {capability}"
    details = {"name": processor_name(), "cores": cores, "threads": threads, "capability": capability}
    if threads > max(cores, 1):
        way_out = f"threads wait for each other: OMP_NUM_THREADS={max(int(cores), 1)}"
        yield Finding("processor", told, "warning", way_out, details)
    else:
        yield Finding("processor", told, details=details)


def gpu(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say which GPUs torch can use, and whether there is one that it cannot."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if there:
        kinds = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        cards = [{"name": kind.name, "bytes": kind.total_memory} for kind in kinds]
        listed = ", ".join(f"{kind.name} with {kind.total_memory / 2**30:.0f} GiB" for kind in kinds)
        told = f"{listed}; CUDA {torch.version.cuda}"
        yield Finding("gpu", told, details={"cuda": torch.version.cuda, "cards": cards})
    elif torch.backends.mps.is_available():
        yield Finding("gpu", "Apple's, by MPS", details={"mps": True})
    elif DRIVER.exists():
        said = " ".join(str(caught[0].message).split())[:120] if caught else f"built for CUDA {torch.version.cuda}"
        told = f"there is one, and torch {torch.__version__} cannot use it: {said}"
        yield Finding("gpu", told, "warning", "install the torch that fits the driver; runs train on the CPU till then")
    else:
        yield Finding("gpu", "none: runs train on the CPU", details={"cards": []})


def precision(folder: Path) -> Iterator[Finding]:  # noqa: ARG001
    """Say which of `trainer.precision` work here, and whether bf16-mixed is quicker than 32-true."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        plain, mixed = best_seconds(device)
    except RuntimeError as error:
        told = f"32-true; bf16-mixed does not work on this {device}: {' '.join(str(error).split())[:100]}"
        yield Finding("precision", told, details={"device": device, "bf16-mixed": None})
        return
    ratio = plain / mixed
    advice = "--trainer.precision bf16-mixed may pay" if ratio > QUICK else "stay with 32-true"
    told = f"32-true and bf16-mixed work; the networks' passes take {mixed / plain:.2f} of the time in bf16: {advice}"
    yield Finding("precision", told, details={"device": device, "bf16-mixed": round(ratio, 2)})


def best_seconds(device: str) -> tuple[float, float]:
    """Return the shortest time of a pass, forward and back, in float32 and with autocast to bfloat16, taken in turn."""
    import torch

    from gannorm import rng
    from gannorm.networks import DCGANDiscriminator, DCGANGenerator

    with rng.untouched():
        generator, discriminator = DCGANGenerator().to(device), DCGANDiscriminator().to(device)
    z = torch.randn(32, generator.latent_dim, generator=rng.generator(0, "doctor")).to(device)
    best = {False: float("inf"), True: float("inf")}
    for number in range(WARM + ROUNDS):
        for mixed in best:
            began = time.perf_counter()
            with torch.autocast(device, torch.bfloat16, enabled=mixed):
                loss = discriminator(generator(z)).float().mean()
            loss.backward()
            if device == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - began
            best[mixed] = min(best[mixed], seconds if number >= WARM else float("inf"))
    return best[False], best[True]


def cores_allowed() -> float:
    """Return how many cores this process may use: those that it is bound to, or a container's share of them."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = QUOTA.read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):  # another system, or no limit
        return cores


def processor_name() -> str:
    """Return what the processor calls itself."""
    try:
        lines = INFORMATION.read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
