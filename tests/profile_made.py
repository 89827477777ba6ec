"""What a method costs, made up."""

from __future__ import annotations

from typing import Any

from crossvad.store.profiles import AdaptationCost, Profile


def profile(method: str = "lmn", **changes: Any) -> Profile:
    """What a method costs, on a machine that nobody has."""
    costs = {
        "method": method, "method_version": "1.1", "budget": "quick", "size": 256, "width": 64, "channels": 3,
        "machine": "Abacus", "device": "cpu", "torch": "2", "parameters": 15_651_843, "multiply_adds": 54_000_000_000,
        "latency": 0.5, "latency_95": 0.75, "batch": 4, "throughput": 2.5, "end_to_end": 2.0, "video": "yard/a",
        "training_steps": 0.125, "training_batch": 8, "adaptation": (AdaptationCost(5, 1, 3.0),),
        "scoring_bytes": 300_000_000, "training_bytes": 2_000_000_000, "finished": "2025-01-02T03:04:05+00:00",
    }  # fmt: skip
    return Profile(**{**costs, **changes})
