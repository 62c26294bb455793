"""JUDGE: A/B readouts, off-policy evaluation, prediction, planning, simulation. Reads log files, writes nothing."""
