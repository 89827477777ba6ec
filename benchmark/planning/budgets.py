"""Training amounts by name. A table never mixes budgets unasked, so that no row wins by training longer."""

from __future__ import annotations

from dataclasses import replace

from crossvad.adapters.options import Budget, Schedule

QUICK = Budget(
    "quick", size=64, channels=1, width=16, schedule=Schedule(1500, 8, 1e-3), episodes=200, source_frames=100_000
)
BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("smoke", size=32, channels=1, width=8, schedule=Schedule(10, 4, 1e-3), episodes=2, source_frames=5_000),
        Budget(
            "demo", size=48, channels=1, width=16, schedule=Schedule(500, 8, 1e-3), episodes=40, source_frames=50_000
        ),
        QUICK,
        replace(QUICK, name="quick128", size=128),  # what the size of frames alone changes
        Budget(
            "standard",
            size=128,
            channels=1,
            width=32,
            schedule=Schedule(20_000, 16, 1e-3),
            episodes=2000,
            source_frames=300_000,
        ),
        Budget("paper", size=256, channels=3, width=64, schedule=None, episodes=10_000, source_frames=300_000),
    )
}
