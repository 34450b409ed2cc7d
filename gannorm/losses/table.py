"""The losses by name."""

from gannorm.losses.critics import critic_generator, hinge_discriminator, wasserstein_discriminator
from gannorm.losses.least_squares import least_squares_discriminator, least_squares_generator
from gannorm.losses.logistic import minimax_generator, non_saturating_discriminator, non_saturating_generator
from gannorm.losses.loss import Loss
from gannorm.losses.relativistic import (
    relativistic_average_discriminator,
    relativistic_average_generator,
    relativistic_discriminator,
    relativistic_generator,
)

GOODFELLOW = "Goodfellow et al., Generative Adversarial Nets, 2014"
RELATIVISTIC = "Jolicoeur-Martineau, The relativistic discriminator, 2018"

ROWS = (
    Loss(
        name="non_saturating",
        discriminator=non_saturating_discriminator,
        generator=non_saturating_generator,
        paper=f"{GOODFELLOW}, section 3",
        generator_needs_real=False,
        no_smoothing="",
    ),
    Loss(
        name="minimax",
        discriminator=non_saturating_discriminator,
        generator=minimax_generator,
        paper=f"{GOODFELLOW}, equation 1",
        generator_needs_real=False,
        no_smoothing="",
    ),
    Loss(
        name="least_squares",
        discriminator=least_squares_discriminator,
        generator=least_squares_generator,
        paper="Mao et al., Least Squares Generative Adversarial Networks, 2017, equation 9",
        generator_needs_real=False,
        no_smoothing="",
    ),
    Loss(
        name="hinge",
        discriminator=hinge_discriminator,
        generator=critic_generator,
        paper="Lim and Ye, Geometric GAN, 2017; Miyato et al., Spectral Normalization for GANs, 2018, equations 16, 17",
        generator_needs_real=False,
        no_smoothing="real images have a margin to pass there, not a target to meet",
    ),
    Loss(
        name="wasserstein",
        discriminator=wasserstein_discriminator,
        generator=critic_generator,
        paper="Arjovsky et al., Wasserstein GAN, 2017, algorithm 1",
        generator_needs_real=False,
        no_smoothing="a critic has no targets, its outputs are a difference without bound",
    ),
    Loss(
        name="relativistic",
        discriminator=relativistic_discriminator,
        generator=relativistic_generator,
        paper=f"{RELATIVISTIC}; Huang et al., The GAN is dead; long live the GAN!, 2024, equation 2",
        no_smoothing="",
    ),
    Loss(
        name="relativistic_average",
        discriminator=relativistic_average_discriminator,
        generator=relativistic_average_generator,
        paper=RELATIVISTIC,
        no_smoothing="",
    ),
)

LOSSES: dict[str, Loss] = {row.name: row for row in ROWS}
"""The losses by name."""
