"""What a run comes to: final figures of its generator, of the raw one, and of held-out real data."""

from functools import partial
from typing import Any

from torch import nn

from gannorm.evaluation import look, yardstick
from gannorm.gan import GAN
from gannorm.judges import Judge
from gannorm.training.judging import label_of


def final_figures(gan: GAN, generator: nn.Module, data: Any, judge: Judge, options: Any) -> dict[str, Any]:
    """Return the final figures, as they stand in results.json.

    Args:
        gan: After its last step.
        generator: The averaged one as it is saved, or the raw one where nothing is averaged.
        data: Of the run.
        judge: Of its samples.
        options: `evaluation` of the configuration.
    """
    named = {"protocol": label_of(data, judge), "log_base": "e"}
    look_at = partial(look, judge=judge, seed=gan.seed)
    averaged = gan.sampler_of(generator, "averaged")
    few = min(options.num_samples, options.final_samples)
    which = "raw" if gan.averaged is None else "averaged"
    figures = {
        "evaluation": look_at(averaged, num_samples=options.final_samples, stream="evaluation").metrics
        | named
        | {"generator": which, "statistics": gan.statistics_of("averaged")},
        "evaluation_raw": look_at(gan.sample("raw"), num_samples=few, stream="raw").metrics
        | named
        | {"generator": "raw", "statistics": gan.statistics},
    }
    if hasattr(data, "held_out") or hasattr(data, "real"):
        figures["real"] = yardstick(data, judge)
    return figures
