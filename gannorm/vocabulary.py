"""The words that every run logs under: one table of keys, for metrics.csv, Weights & Biases and any other logger."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One key, or a family of them.

    Attributes:
        pattern: The key; {mode}, {network}, {layer}, {norm} and {place} stand for whatever a run has.
        unit: Of the numbers.
        meaning: What they are.
    """

    pattern: str
    unit: str
    meaning: str

    def fits(self, key: str) -> bool:
        """Return whether a key is of this family.

        Example:
            >>> Key("share/{mode}", "share", "").fits("share/7")
            True
        """
        return re.fullmatch(expression(self.pattern), key) is not None


def expression(pattern: str) -> str:
    """Return the regular expression of a pattern; what stands in braces is a group.

    Example:
        >>> expression("layer/generator/{layer}/in")
        'layer/generator/([^/]+)/in'
    """
    return "([^/]+)".join(re.escape(part) for part in re.split(r"{\w+}", pattern))


def interval(pattern: str, unit: str, meaning: str) -> tuple[Key, ...]:
    """Return a key with the limits of its 95 % interval."""
    ends = {"low": "lower", "high": "upper"}
    limits = (Key(f"{pattern}_{end}", unit, f"Its {word} limit, 95 %.") for end, word in ends.items())
    return (Key(pattern, unit, meaning), *limits)


def counted(start: str, shares: str) -> tuple[Key, ...]:
    """Return the keys of one evaluation."""
    return (
        Key(f"{start}/num_samples", "samples", "Drawn and judged."),
        Key(f"{start}/num_modes", "modes", "K, of the real data."),
        *interval(f"{start}/covered_modes", "modes", "With max(2, 0.1·N·π) accepted samples, beyond what is misread."),
        Key(f"{start}/raw_modes", "modes", "With one accepted sample or more, as many papers count."),
        Key(f"{start}/misreading", "times", "How often samples are misread, as a multiple of real ones."),
        Key(f"{start}/reliable", "0 or 1", "Whether the judge's errors explain too little to matter."),
        *interval(f"{start}/effective_modes", "modes", "e^H, H the entropy of the accepted samples' modes."),
        Key(f"{start}/effective_modes_ceiling", "modes", "What as many real samples have."),
        *interval(f"{start}/kl", "nats", "KL divergence of the modes' frequencies from the real ones, without bias."),
        Key(f"{start}/kl_floor", "nats", "What a perfect generator shows in as many samples."),
        Key(f"{start}/kl_plug_in", "nats", "KL divergence as it comes, with its bias."),
        Key(f"{start}/forward_kl", "nats", "KL divergence the other way round."),
        Key(f"{start}/js", "nats", "Jensen-Shannon divergence."),
        *interval(f"{start}/tv", "share", "Total variation from the real frequencies."),
        Key(f"{start}/tv_floor", "share", "What a perfect generator shows in as many samples."),
        *interval(f"{start}/high_quality", "share", "Samples that the judge takes for a mode at all."),
        Key(f"{start}/high_quality_ceiling", "share", "Of real samples, so many are; where the judge says it."),
        Key(f"{start}/asked_for", "share", "Of the accepted samples: those of the class that was asked for."),
        Key(f"{start}/asked_for_all", "share", "Of all samples, rejected ones too."),
        Key(f"{start}/asked_for_ceiling", "share", "What real samples get, for the judge's errors."),
        Key(f"{shares}/{{mode}}", "share", "Of the accepted samples: those of this mode."),
    )


KEYS: tuple[Key, ...] = (
    Key("images_seen", "images", "Real images shown to the discriminator: the x axis of everything."),
    Key("d_steps", "steps", "Of the discriminator."),
    Key("g_steps", "steps", "Of the generator."),
    Key("train/discriminator_loss", "", "Mean since the reading before, as the other means here."),
    Key("train/generator_loss", "", "Without what remedies add."),
    Key("train/real_logit", "logits", "Mean answer of the discriminator to real samples."),
    Key("train/fake_logit", "logits", "Mean answer to fakes."),
    Key("train/penalty", "", "Mean penalty on the discriminator, where it has one."),
    Key("train/remedies", "", "Mean of what remedies add to the generator's loss."),
    Key("signals/fake_gradient", "norm", "Mean norm of the discriminator's gradient with respect to fakes."),
    Key(
        "signals/gradient_cosine", "cosine", "Between the gradients of two fakes: near 1, all are pulled the same way."
    ),
    Key("signals/steepness", "per unit", "How far samples move with their latent vectors."),
    Key("signals/logit_gap", "logits", "Mean answer to real samples minus that to fakes."),
    Key(
        "signals/feature_deviation", "share", "Spread of the discriminator's features of fakes over that of real ones."
    ),
    Key("signals/discriminator_gradient", "norm", "Of the gradient that its last step took."),
    Key("signals/generator_gradient", "norm", "Likewise."),
    Key("speed/images_per_second", "images/s", "Since the reading before, looks included; in W&B only, not a result."),
    *counted("coverage", "share"),
    *counted("final", "final_share"),
    Key("collapse/state", "code", "Place in the table of states, 0 for immature to 12 for total."),
    Key("collapse/severity", "code", "0 none, 1 info, 2 warn, 3 error, 4 critical."),
    Key("collapse/effective_modes", "modes", "As the detector counts them: less those that may be misread."),
    Key("collapse/effective_share", "share", "Of what a perfect generator shows in as many samples."),
    Key("collapse/accepted", "share", "Samples that count for a mode."),
    Key("collapse/missing", "modes", "Dropped or not covered twice running."),
    Key("collapse/spread", "share", "How much samples vary, as a share of real ones; no judge is asked."),
    Key("collapse/kinds", "pictures", "Two random samples are the same picture with probability 1 / kinds."),
    Key("collapse/kinds_real", "pictures", "The same of as many real samples."),
    Key("collapse/near_duplicates", "share", "Samples with a twin nearer than 99 % of real ones have."),
    Key("collapse/near_duplicates_real", "share", "The most that this may be among real samples."),
    Key("collapse/churn", "share", "Latent vectors of a fixed bank that make another mode than at the look before."),
    Key("collapse/hopping_index", "nats", "How much a look's number says of its modes: they come and go."),
    Key("collapse/falling", "deviations", "Sum of how far the number of modes is below what it used to be."),
    Key("collapse/discriminator_rank", "share", "Mean effective rank of its weights."),
    Key("collapse/generator_rank", "share", "Likewise."),
    Key("collapse/feature_rank", "share", "Effective rank of the features of fakes over that of real samples."),
    Key(
        "collapse/statistics_gap", "deviations", "Between a batch's statistics and the running ones, in the generator."
    ),
    Key("layer/{network}/{layer}/{place}/mean", "", "Of what goes in or comes out of a layer: mean over channels."),
    Key("layer/{network}/{layer}/{place}/spread", "", "Standard deviation of all its values."),
    Key("layer/{network}/{layer}/{place}/dead", "share", "Channels that are the same for every sample and place."),
    Key("layer/{network}/{layer}/{place}/drift", "deviations", "How far its moments moved since the look before."),
    Key("norm/{network}/{norm}/{place}/mean", "", "Of what goes into or comes out of a norm: mean over channels."),
    Key("norm/{network}/{norm}/{place}/spread", "", "Standard deviation of all its values."),
    Key("norm/{network}/{norm}/{place}/dead", "share", "Channels that are the same for every sample and place."),
    Key("norm/{network}/{norm}/{place}/drift", "deviations", "How far its moments moved since the look before."),
    Key("norm/{network}/{norm}/gap", "deviations", "Between a batch's statistics and a norm's running ones."),
    Key("norm/{network}/{norm}/gamma", "root mean square", "Learned scales of a norm."),
    Key("norm/{network}/{norm}/gamma_gradient", "norm", "Of their gradient that the last step took."),
    Key("norm/{network}/{norm}/beta", "root mean square", "Learned shifts of a norm."),
    Key("norm/{network}/{norm}/beta_gradient", "norm", "Of their gradient that the last step took."),
    Key("gradient/{network}/{layer}", "norm", "Of a layer's gradient that the last step took."),
    Key("spectrum/{network}/{layer}/largest", "", "Largest singular value of a layer's weight, as it is used."),
    Key("spectrum/{network}/{layer}/median", "", "The median one."),
    Key("spectrum/{network}/{layer}/rank", "share", "Effective rank, of the largest possible."),
    Key("covariate_shift/{network}/{layer}/relative", "share", "‖G − G'‖ / ‖G‖ of a layer, when those below it step."),
    Key("covariate_shift/{network}/{layer}/cosine", "cosine", "Between G and G'."),
)
"""All keys."""


def key_of(name: str) -> Key | None:
    """Return the row of a key; None for one that no run logs.

    Example:
        >>> key_of("share/7").unit, key_of("shares")
        ('share', None)
    """
    return next((key for key in KEYS if key.fits(name)), None)


def unknown(names: Iterable[str]) -> list[str]:
    """Return the keys that have no row."""
    return [name for name in names if key_of(name) is None]
