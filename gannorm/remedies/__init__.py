"""Remedies against mode collapse: what acts in the training loop, and layers and packs for the discriminator.

`resolve` makes those of a config, `REMEDIES` lists all of them, those too that are options of something else.
"""

from gannorm.remedies.diff_augment import DiffAugment as DiffAugment
from gannorm.remedies.feature_matching import FeatureMatching as FeatureMatching
from gannorm.remedies.feature_matching import feature_distance as feature_distance
from gannorm.remedies.instance_noise import InstanceNoise as InstanceNoise
from gannorm.remedies.minibatch import MinibatchDiscrimination as MinibatchDiscrimination
from gannorm.remedies.minibatch import MinibatchStddev as MinibatchStddev
from gannorm.remedies.minibatch import minibatch_layer as minibatch_layer
from gannorm.remedies.mode_seeking import ModeSeeking as ModeSeeking
from gannorm.remedies.mode_seeking import mode_seeking_term as mode_seeking_term
from gannorm.remedies.packing import pack as pack
from gannorm.remedies.remedy import GeneratorStep as GeneratorStep
from gannorm.remedies.remedy import Moment as Moment
from gannorm.remedies.remedy import Remedy as Remedy
from gannorm.remedies.remedy import Setting as Setting
from gannorm.remedies.table import REMEDIES as REMEDIES
from gannorm.remedies.table import resolve as resolve
from gannorm.remedies.unrolling import Critic as Critic
from gannorm.remedies.unrolling import Unrolling as Unrolling
