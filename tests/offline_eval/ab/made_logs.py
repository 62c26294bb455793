"""Logs with a known lift, written to a file and opened as a user's would be."""

import numpy as np
import pandas as pd

from offline_eval.logs import open_log, parse_spec


def log_of(tmp_path, columns, **sections):
    """A log of `columns`; `sections` are laid over those of its spec."""
    path = tmp_path / "log.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    spec = {
        "log": {"name": "made-up", "arm": "arm", "control": "none", "propensity": {"uniform": True}},
        "outcomes": {"reengagement": "back", "revenue": "spend"},
        "objective": {"maximise": "reengagement", "margin": 0.5},
    }
    for name, section in sections.items():
        spec[name] = {**spec.get(name, {}), **section} if isinstance(section, dict) else section
    return open_log(path, parse_spec(spec))


def made_up(seed, n=9000, lift=0.05):
    """Columns of three arms drawn alike, of which `gift` brings `lift` more people back."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["none", "mail", "gift"], n)
    x = rng.normal(size=n)
    back = (rng.random(n) < 0.2 + lift * (arm == "gift") + 0.05 * np.clip(x, -2, 2)).astype(int)
    return {
        "arm": arm,
        "back": back,
        "spend": back * rng.lognormal(2, 1, n).round(2),
        "x": x,
        "kind": rng.choice(["a", "b"], n),
    }
