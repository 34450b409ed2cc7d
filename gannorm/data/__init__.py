"""Data: the bundled MNIST digits, and anybody's images."""

from gannorm.data.digits import MNIST as MNIST
from gannorm.data.idx import DataError as DataError
from gannorm.data.idx import mnist as mnist
from gannorm.data.module import Images as Images
from gannorm.data.pixels import to_images as to_images
from gannorm.data.pixels import to_pixels as to_pixels
from gannorm.data.resident import EpochLoader as EpochLoader
from gannorm.data.resident import ResidentLoader as ResidentLoader
from gannorm.data.resident_images import LabelledImages as LabelledImages
from gannorm.data.resident_images import ResidentImages as ResidentImages
from gannorm.data.resumable import ResumableDataModule as ResumableDataModule
from gannorm.data.stacked import StackedMNIST as StackedMNIST
