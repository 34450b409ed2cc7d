"""What all discriminators share: features, a layer across the batch, a logit, and labels where there are classes."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from jaxtyping import Float, Int
from torch import Tensor, nn

from gannorm import norms
from gannorm.networks.block import WeightNormSpec
from gannorm.networks.condition import check_num_classes, checked_labels
from gannorm.remedies.minibatch import MinibatchSpec, minibatch_layer


class Discriminator(pl.LightningModule):
    """Base of discriminators; a subclass has `features` and calls `set_up` first and `add_logit` last.

    logit(x) = w·m(φ(x)) + b,   φ the features, m a layer across the batch, none as a rule

    With classes a projection is added (Miyato & Koyama 2018, arXiv:1802.05637, equation 4 and figure 1d):

    logit(x, y) = w·m(φ(x)) + b + v_y·φ(x),   v an embedding of the class, Glorot-uniform as in the authors' code
    """

    packing: int = 1
    num_classes: int = 0

    def set_up(self, packing: int, num_classes: int) -> None:
        """Take down how many samples are judged together, and of how many classes.

        Raises:
            ValueError: There is no such pack or number of classes, or there are packs and classes.
        """
        if packing < 1:
            raise ValueError(f"packing={packing}: a pack has at least 1 sample")
        if packing > 1 and num_classes:
            raise ValueError(
                f"packing={packing} and num_classes={num_classes}: a pack has {packing} labels and its logit can "
                "depend on one; set packing to 1 or num_classes to 0"
            )
        self.packing, self.num_classes = packing, check_num_classes(num_classes)

    def add_logit(
        self,
        make_linear: Callable[[int], nn.Module],
        num_features: int,
        *,
        weight_norm: WeightNormSpec,
        minibatch: MinibatchSpec,
    ) -> None:
        """Add what follows the features.

        Args:
            make_linear: From a number of features to the layer that makes one number of them.
            num_features: D.
            weight_norm: What re-parametrizes the weight of this layer, and the embedding of the classes.
            minibatch: What lets a sample see the others of its batch.
        """
        layer: Any = minibatch_layer(minibatch, num_features)
        self.minibatch = layer
        self.logit = norms.wrap(weight_norm, make_linear(layer.num_features))
        if self.num_classes:
            embedding = nn.Embedding(self.num_classes, num_features)
            nn.init.xavier_uniform_(embedding.weight)
            self.embedding = norms.wrap(weight_norm, embedding)

    def features(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
        """Return what the logit is made of."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "n ..."], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, " n"]:
        """Return one logit per sample, or pack of samples, high where it looks real (and of the class of its label).

        Raises:
            ValueError: Labels are missing or not expected, or there is no such class.
        """
        labels = checked_labels(self, x, labels)
        features = self.features(x)
        logits = self.logit(self.minibatch(features)).squeeze(1)
        return logits if labels is None else logits + (self.embedding(labels) * features).sum(1)
