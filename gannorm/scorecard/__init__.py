"""`gannorm evaluate`: any source of samples, measured under a named protocol, beside real data and other sources."""

from gannorm.scorecard.compared import differences as differences
from gannorm.scorecard.measure import Card as Card
from gannorm.scorecard.measure import measure as measure
from gannorm.scorecard.setting import Setting as Setting
from gannorm.scorecard.setting import setting_of as setting_of
