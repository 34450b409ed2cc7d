"""Training steps: what each network minimizes, and in which order the two move."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm import losses
from gannorm.gan.critic import logits_of, parameters_of, without_gradient
from gannorm.remedies import GeneratorStep
from gannorm.remedies.minibatch import at_least_float32

if TYPE_CHECKING:
    from gannorm.gan.module import GAN


def alternating(gan: "GAN", real: Tensor, labels: Tensor | None) -> None:
    """Step the discriminator; then, if it is its turn, the generator against the discriminator that has moved."""
    turn = (gan.d_steps + 1) % gan.discriminator_steps == 0
    z = gan.noise(len(real), "discriminator")
    with torch.set_grad_enabled(turn and not gan.fresh_fakes):
        fake = gan.generate(z, labels)
    seen = gan.see(real, "real")
    step_discriminator(gan, seen, gan.see(fake.detach(), "fake"), labels)
    for number in range(gan.generator_steps if turn else 0):
        if gan.fresh_fakes:
            z = gan.noise(len(real), "generator", *([number] if number else []))
        if gan.fresh_fakes or number:
            fake = gan.generate(z, labels)
        step_generator(gan, GeneratorStep(z, fake, seen, gan.see(fake, "generator", number), None), labels)


def step_discriminator(gan: "GAN", real: Tensor, fake: Tensor, labels: Tensor | None) -> None:
    """Step the discriminator on what it sees of real and fake samples."""
    optimizer, critic = gan.both_optimizers()[0], gan.critic(labels)
    loss, logits = discriminator_loss(gan, critic, real, fake)
    penalty = gan.regularizer.each_step(gan, critic, real, fake)
    gan.step(optimizer, loss if penalty is None else loss + penalty)
    gan.d_steps += 1
    gan.regularizer.after_step(gan, critic, real, fake)
    gan.add(discriminator_loss=loss, penalty=penalty, real_logit=logits[0].mean(), fake_logit=logits[1].mean())


def step_generator(gan: "GAN", step: GeneratorStep, labels: Tensor | None) -> None:
    """Step the generator; the discriminator keeps no gradient of it, and no buffer of it moves."""
    d_optimizer, g_optimizer = gan.both_optimizers()
    with without_gradient(gan.discriminator), gan.frozen_discriminator:
        critic = opponent(gan, step.real, step.fake_seen, labels, d_optimizer)
        loss = generator_loss(gan, replace(step, discriminator=critic))
        gan.step(g_optimizer, loss)
    gan.g_steps += 1
    gan.add(generator_loss=loss)


def simultaneous(gan: "GAN", real: Tensor, labels: Tensor | None) -> None:
    """Take both gradients at the same weights, from the same passes, then both steps."""
    optimizers, critic = gan.both_optimizers(), gan.critic(labels)
    z = gan.noise(len(real), "discriminator")
    fake = gan.generate(z, labels)
    step = GeneratorStep(z, fake, gan.see(real, "real"), gan.see(fake, "fake"), critic)
    d_loss, logits = discriminator_loss(gan, critic, step.real, step.fake_seen)
    with gan.frozen_discriminator:  # a remedy may ask it once more, and no buffer is to move for that
        g_loss = generator_loss(gan, step, logits)
    penalty = gan.regularizer.each_step(gan, critic, step.real, step.fake_seen.detach())
    for optimizer in optimizers:
        optimizer.zero_grad()
    total = d_loss if penalty is None else d_loss + penalty
    gan.manual_backward(total, inputs=parameters_of(gan.discriminator), retain_graph=True)
    gan.manual_backward(g_loss, inputs=parameters_of(gan.generator))
    for optimizer in optimizers:
        gan.ranks.average_gradients(optimizer)
        optimizer.step()
    gan.d_steps += 1
    gan.g_steps += 1
    gan.regularizer.after_step(gan, critic, step.real, step.fake_seen.detach())
    gan.add(discriminator_loss=d_loss, generator_loss=g_loss, penalty=penalty)
    gan.add(real_logit=logits[0].mean(), fake_logit=logits[1].mean())


UPDATES: dict[str, Callable[["GAN", Tensor, Tensor | None], None]] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
}
"""The orders in which the two networks move."""


def discriminator_loss(
    gan: "GAN", critic: Any, real: Tensor, fake: Tensor
) -> tuple[Float[Tensor, ""], tuple[Tensor, Tensor]]:
    """Return the adversarial loss of a discriminator, and the logits of real and fake samples."""
    logits = logits_of(critic, real, fake, joined=gan.joined[0])
    return gan.loss.discriminator(*logits).mean(), logits


def generator_loss(gan: "GAN", step: GeneratorStep, logits: tuple[Tensor, Tensor] | None = None) -> Float[Tensor, ""]:
    """Return the adversarial loss of the generator and what the remedies add to it."""
    terms = [term for remedy in gan.remedies if (term := remedy.generator_term(step)) is not None]
    added = torch.stack(terms).sum() if terms else None
    gan.add(remedies=added)
    if added is not None and not gan.adversarial_weight:
        return added
    loss = gan.adversarial_weight * gan.loss.generator(*(logits or generator_logits(gan, step))).mean()
    return loss if added is None else loss + added


def generator_logits(gan: "GAN", step: GeneratorStep) -> tuple[Tensor | None, Tensor]:
    """Return what the generator's loss takes; real samples are judged only where something depends on them."""
    if gan.joined[1] or losses.generator_needs_real(gan.loss):
        return logits_of(step.discriminator, step.real, step.fake_seen, joined=gan.joined[1])
    return None, at_least_float32(step.discriminator(step.fake_seen))


def opponent(gan: "GAN", real: Tensor, fake: Tensor, labels: Tensor | None, optimizer: Any) -> Any:
    """Return the discriminator that the generator answers to: as it is, or as it will be after unrolled steps."""
    if gan.unrolling is None:
        return gan.critic(labels)

    def loss_of(unrolled: Any) -> Tensor:
        critic = gan.critic(labels, unrolled)
        loss, _ = discriminator_loss(gan, critic, real, fake)
        penalty = gan.regularizer.each_step(gan, critic, real, fake)
        return loss if penalty is None else loss + penalty

    return gan.critic(labels, gan.unrolling.critic(gan.discriminator, loss_of, optimizer))
