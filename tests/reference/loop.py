"""The training loop in plain PyTorch, to be compared bit for bit with `gannorm.gan`."""

import torch
from torch.nn.functional import softplus

from gannorm import rng


def train(generator, discriminator, batches, *, mode, seed, rates, betas):
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=rates[0], betas=betas, fused=True)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=rates[1], betas=betas, fused=True)
    for step, real in enumerate(batches):
        z = torch.randn(len(real), generator.latent_dim, generator=rng.generator(seed, "noise", "discriminator", step))
        fake = generator(z)

        if mode == "separate":
            real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        else:
            real_logits, fake_logits = discriminator(torch.cat([real, fake.detach()])).split(len(real))
        d_optimizer.zero_grad()
        (softplus(-real_logits) + softplus(fake_logits)).mean().backward()
        d_optimizer.step()

        # Batch norm and spectral norm of the discriminator move in its own step only: put back what this pass moves.
        # (The pass itself uses the vectors of the last power iteration, so that iteration is switched off.)
        before = {name: buffer.clone() for name, buffer in discriminator.named_buffers()}
        spectral = [m for m in discriminator.modules() if type(m).__name__ == "_SpectralNorm"]
        for module in spectral:
            module.eval()
        joined = torch.cat([real, fake]) if mode == "joined" else fake
        fake_logits = discriminator(joined)[-len(real) :]
        g_optimizer.zero_grad()
        softplus(-fake_logits).mean().backward()
        g_optimizer.step()
        for module in spectral:
            module.train()
        with torch.no_grad():
            for name, buffer in discriminator.named_buffers():
                buffer.copy_(before[name])
