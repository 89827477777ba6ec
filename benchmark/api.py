"""crossvad from Python: what the command line does, with objects in and objects out.

>>> import crossvad
>>> results = crossvad.run(
...     source="synthetic-street", target="synthetic-plaza", methods="framediff", shots=0, budget="smoke",
...     quiet=True, results=tmp_path,
... )
>>> results
<Results: 6 cells in ... (6 done), protocol fair: ...; synthetic-street → synthetic-plaza>
>>> results.table(rows="method", columns="target", metric="auc")
| method       | synthetic-plaza   |
|:-------------|:------------------|
...
>>> frame = results.to_frame()
>>> sorted(frame["method"])
['extrapolate', 'framediff', 'ramp', 'random', 'speed', 'support-mean']
>>> bool(frame["auc"].between(0, 100).all())
True

Stored cells are asked in the same way, and nothing is run:

>>> stored = crossvad.load_results(tmp_path, where={"method": ["framediff", "ramp"]})
>>> len(stored)
2
>>> gaps = stored.compare(against="random").frame
>>> gaps["method"].tolist()
['framediff', 'ramp']
"""

from crossvad.calls.choosing import choose
from crossvad.calls.costs import profile, profiles
from crossvad.calls.own_video import score_video, score_videos, watch
from crossvad.calls.running import estimate, run, status
from crossvad.calls.stored import load_results

__all__ = [
    "choose",
    "estimate",
    "load_results",
    "profile",
    "profiles",
    "run",
    "score_video",
    "score_videos",
    "status",
    "watch",
]
