"""Contrasts between arms inside an adaptive variant, valid although the shares moved with what was seen."""

from offline_eval.ab.adaptive.arm_contrast import ArmContrast
from offline_eval.ab.adaptive.cells import CellKey, Cells, Rounds
from offline_eval.ab.adaptive.contrasts import ARM_CONTRASTS
from offline_eval.ab.adaptive.reach import Limits
from offline_eval.ab.adaptive.scores import Stack

__all__ = ["ARM_CONTRASTS", "ArmContrast", "CellKey", "Cells", "Limits", "Rounds", "Stack"]
