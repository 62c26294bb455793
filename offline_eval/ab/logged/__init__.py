"""Readouts of logs of past decisions: every arm against the control."""

from offline_eval.ab.logged.readout import readout

__all__ = ["readout"]
