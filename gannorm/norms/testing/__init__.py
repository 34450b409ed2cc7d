"""Proof that a registered norm does what its row declares; for authors of norms, needs no test framework.

from gannorm.norms.testing import check_norm

    def test_my_norm():
        check_norm("mine")
"""

from gannorm.norms.testing.contract import NormContractError as NormContractError
from gannorm.norms.testing.contract import check_norm as check_norm
