"""Tidy rows made up for tests of tables and figures."""

import numpy as np
import pandas as pd

from crossvad.evaluation.tidy import COLUMNS


def row(method="apn", tuning="finetune", shots=0, auc=80.0, **more):
    """A tidy row; a tuning that learns nothing beforehand is `none` at 0 shots, as the plan writes it."""
    known = {"method": method, "source": "street", "target": "ped2", "protocol": "fair", "shots": shots, "seed": 0}
    known |= {"tuning": tuning if shots or tuning == "metasgd" else "none", "steps": int(shots > 0)}
    known |= {"support": "train-head" if shots else "none", "budget": "quick", "status": "done", "device": "cpu"}
    known |= {"auc": auc, "auc_low": auc - 2, "auc_high": auc + 3, "frames": 1800, "videos": 12, "version": "0.1.0"}
    known |= {"postprocessing": "smoothed, without the first 4 + K frames"}
    return {**dict.fromkeys(COLUMNS, np.nan), **known, **more}


def failed(**which):
    return row(auc=np.nan, status="failed", device=np.nan, frames=np.nan, videos=np.nan, **which)


def frame(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)
