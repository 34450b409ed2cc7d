"""Normalization strategies by name: one registry for what follows a layer and for what is done to its weight.

    create("group", 64)             a layer for 64 channels
    wrap("spectral", layer)         a layer with a normalized weight
    conditional("group", 64, 128)   a layer whose γ and β come from a condition of length 128
    factory("group")                channels -> layer, for `norm_layer=` of torchvision and timm
    names(), describe("group")      look around
    spec_of(layer)                  from a layer back to its spec
    convert(model, to="group")      exchange the norms of any model; plan(...) says what it would do
    register("mine")                add your own
    check(model, penalty="r1")      what can go wrong with a model's norms; pitfalls() is the whole list
    prepare(model, batch)           what some norms need to see before their first use
    freeze_state(model), recalibrate(model, batches)    state that forward passes move

Needs torch and nothing else of this package.
"""

from gannorm.norms.build import activates as activates
from gannorm.norms.build import bias_redundant as bias_redundant
from gannorm.norms.build import create as create
from gannorm.norms.build import factory as factory
from gannorm.norms.build import wrap as wrap
from gannorm.norms.catalogue.activation import number_of_groups as number_of_groups
from gannorm.norms.catalogue.batch_variants import BatchRenorm as BatchRenorm
from gannorm.norms.catalogue.batch_variants import GhostBatchNorm as GhostBatchNorm
from gannorm.norms.catalogue.channels import ChannelLayerNorm as ChannelLayerNorm
from gannorm.norms.catalogue.channels import ChannelRMSNorm as ChannelRMSNorm
from gannorm.norms.catalogue.channels import PixelNorm as PixelNorm
from gannorm.norms.catalogue.fused import EvoNormS0 as EvoNormS0
from gannorm.norms.catalogue.fused import FilterResponseNorm as FilterResponseNorm
from gannorm.norms.catalogue.fused import ThresholdedLinearUnit as ThresholdedLinearUnit
from gannorm.norms.catalogue.mixed import BatchInstanceNorm as BatchInstanceNorm
from gannorm.norms.catalogue.mixed import LayerInstanceNorm as LayerInstanceNorm
from gannorm.norms.catalogue.modulation import ConditionalNorm as ConditionalNorm
from gannorm.norms.catalogue.modulation import conditional as conditional
from gannorm.norms.catalogue.response import DynamicTanh as DynamicTanh
from gannorm.norms.catalogue.response import GlobalResponseNorm as GlobalResponseNorm
from gannorm.norms.catalogue.virtual_batch import VirtualBatchNorm as VirtualBatchNorm
from gannorm.norms.catalogue.virtual_batch import needs_data as needs_data
from gannorm.norms.catalogue.virtual_batch import prepare as prepare
from gannorm.norms.catalogue.virtual_batch import prepare_like as prepare_like
from gannorm.norms.catalogue.weight import NormalizedWeight as NormalizedWeight
from gannorm.norms.catalogue.weight import StandardizedWeight as StandardizedWeight
from gannorm.norms.checking.check import UnknownPitfallError as UnknownPitfallError
from gannorm.norms.checking.check import check as check
from gannorm.norms.checking.findings import Finding as Finding
from gannorm.norms.checking.findings import Findings as Findings
from gannorm.norms.checking.sample import NormSampleError as NormSampleError
from gannorm.norms.checking.table import Pitfall as Pitfall
from gannorm.norms.checking.table import pitfalls as pitfalls
from gannorm.norms.conversion.convert import convert as convert
from gannorm.norms.conversion.convert import plan as plan
from gannorm.norms.conversion.report import Report as Report
from gannorm.norms.conversion.report import Row as Row
from gannorm.norms.errors import NormConflictError as NormConflictError
from gannorm.norms.errors import NormConvertError as NormConvertError
from gannorm.norms.errors import NormError as NormError
from gannorm.norms.errors import NormKindError as NormKindError
from gannorm.norms.errors import NormOptionError as NormOptionError
from gannorm.norms.errors import NormShapeError as NormShapeError
from gannorm.norms.errors import UnknownNormError as UnknownNormError
from gannorm.norms.info import NormInfo as NormInfo
from gannorm.norms.lookup import channels_of as channels_of
from gannorm.norms.lookup import is_norm as is_norm
from gannorm.norms.lookup import spec_of as spec_of
from gannorm.norms.lookup import weight_spec_of as weight_spec_of
from gannorm.norms.plugins import NormPluginWarning as NormPluginWarning
from gannorm.norms.registry import describe as describe
from gannorm.norms.registry import names as names
from gannorm.norms.registry import register as register
from gannorm.norms.registry import registered as registered
from gannorm.norms.spec import NormLike as NormLike
from gannorm.norms.spec import NormSpec as NormSpec
from gannorm.norms.spec import resolve as resolve
from gannorm.norms.state import batch_statistics as batch_statistics
from gannorm.norms.state import buffer_policy as buffer_policy
from gannorm.norms.state import freeze_state as freeze_state
from gannorm.norms.state import has_batch_statistics as has_batch_statistics
from gannorm.norms.state import recalibrate as recalibrate
from gannorm.norms.state import running_statistics as running_statistics
from gannorm.norms.state import settle_spectral_norm as settle_spectral_norm
