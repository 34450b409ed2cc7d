"""What the options of the loop mean, in plain PyTorch: packs, several steps, simultaneous updates, R1 and lazy R1."""

import torch
from torch.nn.functional import softplus

from gannorm import rng

RATE, BETAS = 2e-3, (0.5, 0.99)


def noise(generator, num, seed, *stream):
    return torch.randn(num, generator.latent_dim, generator=rng.generator(seed, "noise", *stream))


def packed(samples, size):
    """Pack n is samples n, N + n, 2N + n, ... side by side."""
    num = len(samples) // size
    return torch.stack([torch.cat([samples[n + i * num] for i in range(size)]) for n in range(num)])


def r1(discriminator, real):
    """Half the mean squared length of the logit's gradient, one sample after the other."""
    total = 0.0
    for sample in real:
        sample = sample.unsqueeze(0).requires_grad_(True)
        gradient = torch.autograd.grad(discriminator(sample).sum(), sample, create_graph=True)[0]
        total = total + gradient.square().sum() / 2
    return total / len(real)


def train(
    generator, discriminator, batches, *, seed, packing=1, rounds=(1, 1), gamma=0.0, interval=1, simultaneous=False
):
    """Train two networks; `rounds` is (discriminator steps, generator steps)."""
    share = 1.0 if interval == 1 else interval / (interval + 1)
    lazy = {"lr": RATE * share, "betas": tuple(beta**share for beta in BETAS)}
    d_optimizer = torch.optim.Adam(discriminator.parameters(), **lazy)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=RATE, betas=BETAS)

    def generate(z):
        return torch.cat([generator(part) for part in z.chunk(packing)])

    def minimize(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for step, real in enumerate(batches):
        z = noise(generator, len(real), seed, "discriminator", step)
        real, fake = packed(real, packing), packed(generate(z), packing)
        d_loss = (softplus(-discriminator(real)) + softplus(discriminator(fake.detach()))).mean()
        d_loss = d_loss + gamma * r1(discriminator, real) if gamma and interval == 1 else d_loss
        if simultaneous:
            g_grads = torch.autograd.grad(softplus(-discriminator(fake)).mean(), list(generator.parameters()))
            minimize(d_optimizer, d_loss)
            for parameter, gradient in zip(generator.parameters(), g_grads, strict=True):
                parameter.grad = gradient
            g_optimizer.step()
            continue
        minimize(d_optimizer, d_loss)
        if interval > 1 and (step + 1) % interval == 0:
            minimize(d_optimizer, interval * gamma * r1(discriminator, real))
        if (step + 1) % rounds[0] == 0:
            for _ in range(rounds[1]):
                minimize(g_optimizer, softplus(-discriminator(packed(generate(z), packing))).mean())
