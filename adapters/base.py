"""The method contract. A method is one file with one subclass of `Adapter`; this docstring is the manual.

A trainable method says how it is built, what it loses on normal clips and how abnormal a clip is:

    class MyPredictor(Adapter):
        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=5)          # clips of 5 frames; the last one is scored
            self.net = UNet(4 * budget.channels, budget.channels, budget.width)

        def loss(self, clips):                                   # (B, 5, C, H, W) in [-1, 1] -> scalar
            return F.mse_loss(self.net(clips[:, :4].flatten(1, 2)), clips[:, 4])

        @torch.no_grad()
        def score(self, clips):                                  # -> {cue: (B,)}, HIGHER = MORE ABNORMAL
            return {"prediction": (self.net(clips[:, :4].flatten(1, 2)) - clips[:, 4]).square().mean((1, 2, 3))}

`bench run --method my_file.py:MyPredictor --source … --target …` trains, adapts and scores it. A training-free method
sets `trainable = False` and overrides `score` alone. What the harness relies on, and `bench methods check` tests:

* `adapt` returns a new object and leaves the original bit-identical; no support clips or no steps change nothing;
* a clip's score depends on that clip alone: not on the batch size, the order of videos, or other videos;
* the same seed gives the same method; a planted anomaly scores higher than what came before it.

A method that can say where defines `maps(clips)`, too: (B, h, w), for the metrics RBDC and TBDC and for pictures.

No label ever reaches an adapter: there is no argument for one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from crossvad.datasets.clips import ClipSource, ClipSpec

if TYPE_CHECKING:
    from crossvad.adapters.tunings.base import Tuning
from crossvad.adapters.options import Budget, NoOptions, Schedule
from crossvad.adapters.options import option as option  # plug-ins import it from here

Log = Callable[[int, int, dict[str, float]], None]  # (step, of, values), called while a method trains
CueScores = dict[str, Tensor]  # cue -> (B,)

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
DIAGNOSED = 20  # times in a training


class Versions(NamedTuple):
    """Which version of a method this is: a number to raise when what comes of it changes, in the part that did.

    Stored results of another version are no longer current. A plug-in needs none: it is as new as its file.
    """

    fit: int = 1  # of what training makes of it
    score: int = 1  # of its scores, given the fit, and of the way it adapts
    maps: int = 1  # of its maps, given the scores


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting to one support set."""

    before: float  # support loss where it began
    after: float  # where the steps ended
    reverted: bool  # the loss rose or is no number, so that the steps were taken back


class Adapter(nn.Module):
    """A method behind the interface that the harness speaks. See the module docstring for how to write one."""

    Options: ClassVar[type] = NoOptions  # a frozen dataclass; its fields are what `--method name[field=value]` may set
    trainable: ClassVar[bool] = True
    versions: ClassVar[Versions] = Versions()
    paper: ClassVar[str] = ""  # where the method comes from
    licence: ClassVar[str] = ""  # of its authors' code, of which nothing is copied
    deviations: ClassVar[tuple[str, ...]] = ()  # where it knowingly departs from what was published
    published: ClassVar[Schedule] = Schedule(20_000, 4, 2e-4)  # what budget `paper` trains with
    last_layers: ClassVar[tuple[str, ...]] = ("head.",)  # how the names of the last layers' parameters begin

    def __init__(self, budget: Budget, options: Any = None, *, frames: int = 5, scored: int = -1) -> None:
        """Declare the clips this method takes: `frames` of them, of which number `scored` gets the score."""
        super().__init__()
        self.options = self.Options() if options is None else options
        self.adaptation: Adaptation | None = None  # how it came from another method, if it did
        self.clip = ClipSpec(frames, scored % frames, (budget.size, budget.size), budget.channels)

    def loss(self, clips: Tensor) -> Tensor:
        """Training loss of normal clips (B, T, C, H, W), a scalar with a gradient. May write memories in train mode."""
        raise NotImplementedError(f"{type(self).__name__} is trainable, so it must define loss(clips)")

    def score(self, clips: Tensor) -> CueScores:
        """Anomaly score of each clip (B, T, C, H, W), per cue: {cue: (B,)}, higher = more abnormal, any scale."""
        raise NotImplementedError(f"{type(self).__name__} must define score(clips)")

    # ---- inherited; override what you need ---------------------------------------------------------------------------

    @property
    def fusion(self) -> dict[str, float]:
        """Weight of each cue in the fused score; a cue that is not named weighs 1."""
        return {}

    def forward(self, clips: Tensor) -> Tensor:
        """What meta-training lowers: the training loss unless a method says otherwise.

        Being `forward`, it lets tools that call a module (learn2learn, torch.func) work on a method as it is.
        """
        return self.loss(clips)

    def frozen_features(self, clips: Tensor) -> Any:
        """What no adaptation changes of clips (B, T, C, H, W): the clips themselves unless a method says otherwise.

        `adaptation_loss` and `score` must take what this returns: a tensor, or tuples of such, with B in front. A
        method over a frozen backbone returns its features, which are then made once and serve every number of shots
        and steps. They may depend on no adaptable parameter, and on no normalisation statistics.
        """
        return clips

    def calibrate(self, clips: Any) -> None:
        """Take in what a scene is like from its support set, once adapted to it: nothing unless a method says so.

        Args:
            clips: as `frozen_features` returned them.
        """

    def adaptation_loss(self, clips: Any) -> Tensor:
        """What a gradient step on a support set lowers: the training loss unless a method says otherwise."""
        return self.loss(clips)

    def maps(self, clips: Tensor) -> Tensor | None:
        """Where in the scored frame it is abnormal, (B, h, w), higher = more abnormal, any scale; None: cannot say.

        No part of the score: changing it leaves stored scores valid.
        """
        return None

    def predicted_frames(self, clips: Tensor) -> Tensor | None:
        """The frame a method puts in the scored one's place, (B, C, H, W) in the clips' range; None: it makes none."""
        return None

    def attention_maps(self, clips: Tensor) -> tuple[Tensor, Tensor] | None:
        """Maps (B, M, h, w) of a prototype unit, and its distances (B, h, w) to the nearest; None: it has none."""
        return None

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """What to watch beside the loss while training, on a batch of clips: whether prototypes collapse, and such."""
        return {}

    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """Scores of a whole video from its clips in order, {cue: (clips,)}. Override if time matters."""
        parts = [self.score(batch) for batch in batches]
        return {cue: torch.cat([part[cue] for part in parts]) for cue in parts[0]}

    def schedule(self, budget: Budget) -> Schedule:
        """The budget's schedule, or the published one where the budget leaves it to the method."""
        return budget.schedule or self.published

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Train in place on the source as the schedule says; the last state is the one that counts."""
        schedule = self.schedule(budget)
        optimizer = OPTIMIZERS[schedule.optimizer](self.parameters(), schedule.learning_rate)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.steps)
        watch = max(1, schedule.steps // DIAGNOSED)
        self.train()
        for step in range(1, schedule.steps + 1):
            clips = source.batch(schedule.batch)
            loss = self.loss(clips)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if schedule.decay == "cosine":
                decay.step()
            log(step, schedule.steps, {"loss": loss.item()} | (self._diagnosed(clips) if step % watch == 0 else {}))
        self.eval()

    @torch.no_grad()
    def _diagnosed(self, clips: Tensor) -> dict[str, float]:
        """Diagnostics amid training, in eval mode: looking must not move normalisation statistics or memories."""
        self.eval()
        values = self.diagnostics(clips)
        self.train()
        return values

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters, by name, that adaptation to a scene may move. All of them unless a method says otherwise."""
        return dict(self.named_parameters())

    @classmethod
    def adapts(cls) -> bool:
        """Whether a support set can change it: it has parameters to tune, or an `adapt` of its own."""
        return cls.trainable or cls.adapt is not Adapter.adapt

    def head_parameters(self) -> dict[str, nn.Parameter]:
        """The adaptable ones of the last layers."""
        return {name: p for name, p in self.adaptable_parameters().items() if name.startswith(self.last_layers)}

    def adapt(self, support: Tensor, steps: int, tuning: Tuning) -> Self:
        """A new method, adapted to the support set (K, T, C, H, W) in `steps` gradient steps; this one stays."""
        if not (len(support) and steps and self.trainable):
            return copy.deepcopy(self)
        with torch.no_grad():
            seen = self.frozen_features(support)
        return next(tuning.adapted(self, seen, [steps]))

    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def leading(seen: Any, count: int) -> Any:
    """The first clips of what `Adapter.frozen_features` returned."""
    if isinstance(seen, Tensor):
        return seen[:count]
    parts = [leading(part, count) for part in seen]
    return type(seen)(*parts) if hasattr(seen, "_fields") else tuple(parts)
