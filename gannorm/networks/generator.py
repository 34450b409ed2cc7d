"""What all generators share: latent vectors, and labels where there are classes."""

from collections.abc import Sequence
from typing import Literal, get_args

import pytorch_lightning as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.block import NormSpec
from gannorm.networks.condition import EMBEDDED, check_num_classes, checked_labels

Latent = Literal["normal", "uniform"]


class Generator(pl.LightningModule):
    """Base of generators; a subclass has `make(z, condition)` and calls `set_up` before its layers are built.

    A class is embedded. The embedding is the condition of the norms where there are norms; a generator without norms
    finds it at the end of its latent vectors.
    """

    latent_dim: int
    latent: Latent = "normal"
    num_classes: int = 0

    def set_up(
        self, latent_dim: int, num_classes: int, norm_of: Sequence[NormSpec], latent: Latent = "normal"
    ) -> tuple[int, int]:
        """Take down what a latent vector is, and return what layers have to know of it.

        Args:
            latent_dim: Length of a latent vector.
            num_classes: Of the labels; 0 for none.
            norm_of: Norms of the layers.
            latent: What is drawn: "normal", N(0, 1), or "uniform", U(-1, 1).

        Returns:
            Length of what the first layer takes, and of what the norms take beside the layers' outputs, 0 for nothing.

        Raises:
            ValueError: There is no such latent vector, distribution or number of classes.
        """
        if latent not in get_args(Latent):
            raise ValueError(f"latent={latent!r} is none of {', '.join(get_args(Latent))}")
        if latent_dim < 1:
            raise ValueError(f"latent_dim={latent_dim}: a latent vector has at least 1 number")
        self.latent_dim, self.latent = latent_dim, latent
        self.num_classes = check_num_classes(num_classes)
        self.by_norms = any(norms.resolve(norm).name != "none" for norm in norm_of)
        if not num_classes:
            return latent_dim, 0
        return (latent_dim, EMBEDDED) if self.by_norms else (latent_dim + EMBEDDED, 0)

    def embed_classes(self) -> None:
        """Make the embedding of the classes; after the layers, so that these are drawn as they are without classes."""
        if self.num_classes:
            self.embedding = nn.Embedding(self.num_classes, EMBEDDED)

    def make(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Return one sample per latent vector."""
        raise NotImplementedError

    def forward(self, z: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n ..."]:
        """Return one sample per latent vector, of the class that its label says.

        Raises:
            ValueError: Labels are missing or not expected, or there is no such class.
        """
        if (labels := checked_labels(self, z, labels)) is None:
            return self.make(z, None)
        embedded = self.embedding(labels)
        return self.make(z, embedded) if self.by_norms else self.make(torch.cat([z, embedded], dim=1), None)
