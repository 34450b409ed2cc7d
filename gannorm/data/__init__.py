"""Data: digits and stacks of them, mixtures of Gaussians, torchvision's sets, and anybody's images."""

from gannorm.data.digits import MNIST as MNIST
from gannorm.data.idx import DataError as DataError
from gannorm.data.idx import mnist as mnist
from gannorm.data.image_files import ImageFiles as ImageFiles
from gannorm.data.mixtures import MIXTURES as MIXTURES
from gannorm.data.mixtures import MixtureSpec as MixtureSpec
from gannorm.data.module import Images as Images
from gannorm.data.pixels import to_images as to_images
from gannorm.data.pixels import to_pixels as to_pixels
from gannorm.data.points import Mixture as Mixture
from gannorm.data.resident import EpochLoader as EpochLoader
from gannorm.data.resident import ResidentLoader as ResidentLoader
from gannorm.data.resident_images import LabelledImages as LabelledImages
from gannorm.data.resident_images import ResidentImages as ResidentImages
from gannorm.data.resumable import ResumableDataModule as ResumableDataModule
from gannorm.data.resumable import SeededDataModule as SeededDataModule
from gannorm.data.stacked import StackedMNIST as StackedMNIST
from gannorm.data.torchvision_sets import CIFAR10 as CIFAR10
from gannorm.data.torchvision_sets import FashionMNIST as FashionMNIST
