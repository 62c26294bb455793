"""Off-policy evaluation: one file per estimator and this dict.

To add one: write `offline_eval/ope/NAME.py` with a Basis (or a shared one from `bases`), a function from moments to a
Functional, and an Estimator whose docstring has formula, notation, citation and the table of docs/results that measured
its interval; add its line here; the conformance
suite takes it up.
"""

from offline_eval.ope.balanced_mixture import BALANCED_MIXTURE
from offline_eval.ope.batch import Batch
from offline_eval.ope.clipped_ips import CLIPPED_IPS
from offline_eval.ope.cressie_read import CRESSIE_READ
from offline_eval.ope.dm import DM
from offline_eval.ope.dr import DR
from offline_eval.ope.dros import DROS
from offline_eval.ope.empirical_likelihood import EMPIRICAL_LIKELIHOOD
from offline_eval.ope.estimator import Estimator
from offline_eval.ope.ips import IPS
from offline_eval.ope.mips import MIPS
from offline_eval.ope.replay import REPLAY
from offline_eval.ope.sg_dr import SG_DR
from offline_eval.ope.sg_ips import SG_IPS
from offline_eval.ope.sndr import SNDR
from offline_eval.ope.snips import SNIPS
from offline_eval.ope.switch_dr import SWITCH_DR

ESTIMATORS: dict[str, Estimator] = {
    "replay": REPLAY,
    "dm": DM,
    "ips": IPS,
    "clipped_ips": CLIPPED_IPS,
    "snips": SNIPS,
    "dr": DR,
    "sndr": SNDR,
    "switch_dr": SWITCH_DR,
    "dros": DROS,
    "sg_ips": SG_IPS,
    "sg_dr": SG_DR,
    "cressie_read": CRESSIE_READ,
    "empirical_likelihood": EMPIRICAL_LIKELIHOOD,
    "mips": MIPS,
    "balanced_mixture": BALANCED_MIXTURE,
}

__all__ = ["ESTIMATORS", "Batch", "Estimator"]
