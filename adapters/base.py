"""The method contract. A method is one file with one subclass of `Adapter`; this docstring is the manual.

A method trained by gradients says how it is built, what it loses on normal clips and how abnormal a clip is:

    class MyPredictor(Adapter):
        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=5)          # clips of 5 frames; the last one is scored
            self.net = UNet(4 * budget.channels, budget.channels, budget.width)

        def loss(self, clips):                                   # (B, 5, C, H, W) in [-1, 1] -> scalar
            return F.mse_loss(self.net(clips[:, :4].flatten(1, 2)), clips[:, 4])

        @torch.no_grad()
        def score(self, clips):                                  # -> {cue: (B,)}, HIGHER = MORE ABNORMAL
            return {"prediction": (self.net(clips[:, :4].flatten(1, 2)) - clips[:, 4]).square().mean((1, 2, 3))}

`bench run --method my_file.py:MyPredictor --source … --target …` trains, adapts and scores it.

**In closed form.** A method need not have a loss or a parameter. It overrides `fit`, and `calibrate` if a support set
can change it. There are no steps then: whatever `--tuning` and `--steps` say, `calibrate` is called once a scene:

    class NearestNeighbour(Adapter):
        tunable = False                                          # no tuning's steps: `calibrate` alone adapts it

        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=1)
            self.register_buffer("bank", torch.zeros(0, budget.channels * budget.size**2))

        def fit(self, source, budget, log):
            self.bank = source.batch(1000).flatten(1)            # (N, D)

        def calibrate(self, support):                            # (K, 1, C, H, W); called on a copy, never with K = 0
            self.bank = torch.cat([self.bank, support.flatten(1)])

        def score(self, clips):
            return {"distance": torch.cdist(clips.flatten(1), self.bank).amin(1)}

**What a class declares.** Before a method is built, cells are named by `needs_source` (False: nothing is trained, `fit`
is not called, no held-out scores are kept), `stochastic` (False: seeds make no difference, neither the network's nor
the order of `source`'s clips), `adapts` (False: support sets make no difference), `tunable` (False: it adapts in
`calibrate` alone, so that `--tuning` and `--steps` make no difference: cells of it say tuning none and 1 step) and
`extra_inputs`; and `adapts_by_mean` (True: `adaptation_loss` is a mean over clips, so that a step on a support set of
large frames may go through a few clips at a time, which takes a fraction of the memory). A detector that learns nothing
sets the first three to False and overrides `score` alone. Of the built method, the harness asks `scores_in_order`,
`scores_scene`, `transductive` and `splits_batches`; these may be properties that depend on options. Protocol `paper`
smooths its scores and leaves frames out as `published_evaluation` says: as MPN's authors do, unless it is set.

**Looking ahead.** A method that scores a whole test video before it knows any frame's score, such as one that ranks
them, scores in order and says that it is `transductive`: tables mark it, as no camera that runs could do that.

**Unusual trainings.** With several optimisers, override `optimizers` and `training_step` (a GAN); with phases, `fit`.
What is measured on the source once training is over, such as how large errors are there, goes into `after_training`.
Of large frames, copies of the method take a few steps of two clips before it trains, to find the faster memory layout;
nothing comes of them. A network that only training needs, such as a discriminator, is held by `TrainingOnly(make)`: it
is made when training first asks for it, and is neither counted nor adapted nor saved:

    class Adversarial(MyPredictor):
        def __init__(self, budget, options=None):
            super().__init__(budget, options)
            self.critic = TrainingOnly(lambda: PatchDiscriminator(budget.channels, [16, 32], [2, 2, 1]))

        def optimizers(self, budget):
            critic = torch.optim.Adam(self.critic.network.parameters(), 1e-4)
            return super().optimizers(budget) | {"critic": critic}

        def training_step(self, clips, optimizers):
            made = self.net(clips[:, :4].flatten(1, 2))
            loss = F.mse_loss(made, clips[:, 4]) + 0.05 * lsgan_loss(self.critic(made), 1)
            descend(optimizers["all"], loss)
            judged = lsgan_loss(self.critic(clips[:, 4]), 1) + lsgan_loss(self.critic(made.detach()), 0)
            descend(optimizers["critic"], judged)
            return {"loss": loss.item(), "critic": judged.item()}

Training as it is inherited leaves a checkpoint every two minutes, and resumes there if it was cut off, to the same end:
all that its steps change must be in parameters, persistent buffers or optimisers. A method that counts in an attribute
is named, and leaves none; a `fit` of a method's own starts anew.

**On several devices.** `--devices N` splits each batch over N devices, of which each takes a step's loss of its share.
That is the same training where `loss` is the mean of what it is of each clip, draws no random numbers and writes no
buffer; batch norm is seen to. A method that inherits `fit` and `training_step` is taken to be such a one
(`splits_batches`), and its loss of two clips is held against the mean of its losses of each before it trains. One that
is not, such as one that tells the clips of a batch apart, says `splits_batches = False`, and is refused.

**Beside frames.** A method with `extra_inputs = ("flow",)` is given `Clips` wherever others are given a tensor:
`clips.frames` (B, T, C, H, W) and `clips.extras["flow"]` (B, T, 2, H, W). `datasets/readers/extra_inputs.py` says what
there is, and how to register more; each is computed once a video and kept beside its frames.

**What survives saving.** Parameters and persistent buffers that `__init__` made, which may have grown in `fit`, and
what `state_arrays` returns. No other attribute does, whether a number, a scikit-learn object or a layer made in `fit`.
What is scored is always the method as the store gives it back, so that a fit whose scores rest on anything else fails
and names it. An object's numbers are given as arrays, of which it is made again:

    class PcaResidual(Adapter):
        adapts = False                                           # no support set changes it

        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=1)
            self.pca = PCA(8, svd_solver="full")                 # of sklearn.decomposition

        def fit(self, source, budget, log):
            self.pca.fit(source.batch(1000).flatten(1).cpu().numpy())

        def state_arrays(self):
            return {name: getattr(self.pca, name) for name in ("mean_", "components_", "explained_variance_")}

        def load_state_arrays(self, arrays):
            for name, array in arrays.items():
                setattr(self.pca, name, array)

        def score(self, clips):
            frames = clips.flatten(1).cpu().numpy()
            left = frames - self.pca.inverse_transform(self.pca.transform(frames))
            return {"residual": torch.from_numpy((left**2).mean(1))}

**Pretrained parts.** `Frozen` holds a network that somebody else trained. It stays as it is, is not counted among the
method's parameters and is not saved with its fits, but refuses a fit made over other weights; adapted copies share it.
What it says of a clip is made once for all numbers of shots and steps, if `frozen_features` gives it:

    class FeatureDistance(Adapter):
        tunable = False

        def __init__(self, budget, options=None):
            super().__init__(budget, options, frames=1)
            self.backbone = Frozen(pretrained_network())         # its weights read from where you keep them
            self.register_buffer("mean", torch.zeros(64))

        def frozen_features(self, clips):
            return self.backbone(clips[:, 0].expand(-1, 3, -1, -1)).mean((2, 3))     # (B, 64)

        def fit(self, source, budget, log):
            self.mean = self.frozen_features(source.batch(100)).mean(0)

        def calibrate(self, features):
            self.mean = features.mean(0)

        def score(self, clips):                                  # clips, or what `frozen_features` made of them
            features = clips if clips.dim() == 2 else self.frozen_features(clips)
            return {"feature": (features - self.mean).square().mean(1)}

What needs the video's own frames, such as a detector, is an extra input, registered with `native=True`.

**Options.** A frozen dataclass, named by the class as `Options`, of fields made by `option`, each number with the range
that it may have: `width: int = option(3, "of the window, in frames", minimum=1)`. Several may go by one name together,
typed without a value, as `method[wide]` does with `presets: ClassVar[dict] = {"wide": {"width": 9, "pool": "max"}}`.
Beside them every method has `precision` and `training_precision`, which the harness sees to (`options.Arithmetic`).

What the harness relies on, and `bench methods check` tests:

* adapting leaves the original bit-identical; no support clips or no steps change nothing;
* clips and what `frozen_features` makes of them stay as they are, as other shots and steps are shown the same next; and
  what it makes is the same before and after adapting;
* a clip's score depends on that clip alone: not on the batch size, the order of videos, or other clips or videos,
  unless the method says `scores_in_order` (other clips of the video) or `scores_scene` (other videos of the scene);
* a fresh method into which a saved one is loaded gives the same scores, before and after it adapts, and so does a whole
  run that finds the fit in the store;
* the same seed gives the same method; a planted anomaly scores higher than what came before it.

A method that can say where defines `maps(clips)`, too: (B, h, w), for the metrics RBDC and TBDC and for pictures.

No label ever reaches an adapter: there is no argument for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossvad.adapters.cue_scores import CueScores, joined
from crossvad.adapters.nets.frozen import Frozen
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.optimizers import OPTIMIZERS, Optimizers, descend
from crossvad.adapters.options import Budget, NoOptions, Schedule, option
from crossvad.adapters.project_code import keep_code
from crossvad.adapters.published import PublishedEvaluation
from crossvad.adapters.training_state import Checkpointer, TrainingState
from crossvad.datasets.clips import Batches, ClipSource, ClipSpec

# What plug-ins import from here, wherever it is defined.
__all__ = [
    "Adaptation", "Adapter", "CueScores", "Frozen", "Log", "Optimizers", "PublishedEvaluation", "TrainingOnly",
    "Versions", "descend", "joined", "option",
]  # fmt: skip

Log = Callable[[int, int, dict[str, float]], None]  # (step, of, values), called while a method trains
DIAGNOSED = 20  # times in a training


class Versions(NamedTuple):
    """Which version of a method this is: a number to raise when what comes of it changes, in the part that did.

    Stored results of another version are no longer current. A plug-in needs none: it is as new as its file
    and what that imports of its own project.
    """

    fit: int = 1  # of what training makes of it
    score: int = 1  # of its scores, given the fit, and of the way it adapts
    maps: int = 1  # of its maps, given the scores


@dataclass(frozen=True)
class Adaptation:
    """What came of the steps on one support set."""

    before: float  # support loss where it began
    after: float  # where the steps ended
    reverted: bool  # the loss rose or is no number, so that the steps were taken back


class Adapter(nn.Module):
    """A method behind the interface that the harness speaks. See the module docstring for how to write one."""

    Options: ClassVar[type] = NoOptions  # a frozen dataclass; its fields are what `--method name[field=value]` may set
    needs_source: ClassVar[bool] = True  # it is fitted on a source
    stochastic: ClassVar[bool] = True  # its seed makes a difference
    adapts: ClassVar[bool] = True  # a support set can change it
    tunable: ClassVar[bool] = True  # by the steps of a tuning; False: in `calibrate` alone
    adapts_by_mean: ClassVar[bool] = False  # `adaptation_loss` is a mean over clips, and may be taken of a few in turn
    extra_inputs: ClassVar[tuple[str, ...]] = ()  # of every frame, by name, such as flow: see "Beside frames" above
    versions: ClassVar[Versions] = Versions()
    paper: ClassVar[str] = ""  # where the method comes from
    licence: ClassVar[str] = ""  # of its authors' code, of which nothing is copied
    deviations: ClassVar[tuple[str, ...]] = ()  # where it knowingly departs from what was published
    published: ClassVar[Schedule] = Schedule(20_000, 4, 2e-4)  # what budget `paper` trains with
    published_evaluation: ClassVar[PublishedEvaluation] = PublishedEvaluation()  # what protocol `paper` does to scores
    last_layers: ClassVar[tuple[str, ...]] = ("head.",)  # how the names of the last layers' parameters begin

    # What the harness sets while a method trains.
    checkpoints: Checkpointer | None = None  # of its training, where the harness wants them
    arithmetic: Callable[[], AbstractContextManager[object]] = nullcontext  # that its training steps are taken in
    shared_loss: Callable[[Tensor], Tensor] | None = None  # that they go down, where devices share batches

    def __init_subclass__(cls, **named: Any) -> None:
        """Keep the code that one's own class is made of, which is what runs, and what its stored scores are told by."""
        super().__init_subclass__(**named)
        keep_code(cls)

    def __init__(self, budget: Budget, options: Any = None, *, frames: int = 5, scored: int = -1) -> None:
        """Declare the clips this method takes: `frames` of them, of which number `scored` gets the score."""
        super().__init__()
        self.options = self.Options() if options is None else options
        self.adaptation: Adaptation | None = None  # how it came from another method, if it did
        self.clip = ClipSpec(frames, scored % frames, (budget.size, budget.size), budget.channels)

    def loss(self, clips: Tensor) -> Tensor:
        """Training loss of normal clips (B, T, C, H, W), a scalar with a gradient. May write memories in train mode."""
        raise NotImplementedError(f"{type(self).__name__} must define loss(clips), or fit(source, budget, log)")

    def score(self, clips: Tensor) -> CueScores:
        """Anomaly score of each clip (B, T, C, H, W), per cue: {cue: (B,)}, higher = more abnormal, any scale.

        Support clips and held-out clips of the source are scored by it, whatever `score_video` or `score_scene` does.
        """
        raise NotImplementedError(f"{type(self).__name__} must define score(clips)")

    # ---- inherited; override what you need: what scores are ----------------------------------------------------------

    @property
    def fusion(self) -> dict[str, float]:
        """Weight of each cue in the fused score; a cue that is not named weighs 1."""
        return {}

    @property
    def scores_in_order(self) -> bool:
        """Whether the score of a clip depends on others of its video, so that `score_video` must see them all."""
        return False

    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """Scores of a whole video from its clips in order, {cue: (clips,)}. Override it with `scores_in_order`."""
        return joined(self.score(batch) for batch in batches)

    @property
    def scores_scene(self) -> bool:
        """Whether the score of a clip depends on other videos of its scene, so that `score_scene` must see them all."""
        return False

    def score_scene(self, videos: Sequence[Iterable[Tensor]]) -> list[CueScores]:
        """Scores of each of a scene's test videos, as `score_video`. Override it with `scores_scene`.

        Where each test video is adapted to by itself, a scene is one video. Batches can be gone through once.
        """
        return [self.score_video(batches) for batches in videos]

    @property
    def transductive(self) -> bool:
        """Whether a frame's score depends on test video from after its clip, which tables mark.

        All that score a scene at once do. A method that scores in order says so if it looks ahead.
        """
        return self.scores_scene

    # ---- how it trains -----------------------------------------------------------------------------------------------

    def schedule(self, budget: Budget) -> Schedule:
        """The budget's schedule, or the published one where the budget leaves it to the method."""
        return budget.schedule or self.published

    def optimizers(self, budget: Budget) -> Optimizers:
        """What the training steps with, by name: one on all parameters, as the schedule says."""
        schedule = self.schedule(budget)
        return {"all": OPTIMIZERS[schedule.optimizer](self.parameters(), schedule.learning_rate)}

    @property
    def training_strides(self) -> tuple[int, ...]:
        """Of training clips: each takes every frame, or every second and so on, as is drawn from these."""
        return (1,)

    def training_step(self, clips: Tensor, optimizers: Optimizers) -> dict[str, float]:
        """Learn from a batch of clips (B, T, C, H, W): a step of the one optimiser down `loss`.

        Returns:
            Losses by name. Training that makes one of them no number has diverged, and fails.
        """
        (optimizer,) = optimizers.values()
        loss = (self.shared_loss or self.loss)(clips)
        descend(optimizer, loss)
        return {"loss": loss.item()}

    @property
    def splits_batches(self) -> bool:
        """Whether a training step on several devices, each with its share of the batch, is that on one device.

        It is where a step goes down `loss` alone, and `loss` is the mean of what it is of each clip, draws no random
        numbers and writes no buffer but the statistics of batch norm. Taken to be so where `training_step` is
        inherited; a `fit` of a method's own is never split.
        """
        return type(self).training_step is Adapter.training_step

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Train in place on the source as the schedule says; the last state is the one that counts.

        It leaves checkpoints, and resumes where it was cut off. A method fitted in closed form overrides it, and may
        leave `log` alone.
        """
        schedule, optimizers = self.schedule(budget), self.optimizers(budget)
        decays = [torch.optim.lr_scheduler.CosineAnnealingLR(each, schedule.steps) for each in optimizers.values()]
        watch = max(2, schedule.steps // DIAGNOSED)  # never at the first step, by which losses are known from these
        drawn = self.before_training(source)
        state = TrainingState(self, optimizers, decays, drawn.random)
        taken = self.checkpoints.begin(state) if self.checkpoints else 0
        self.train()
        for step in range(taken + 1, schedule.steps + 1):
            clips = drawn.batch(schedule.batch, self.training_strides)
            with self.arithmetic():
                losses = self.training_step(clips, optimizers)
            if schedule.decay == "cosine":
                for decay in decays:
                    decay.step()
            log(step, schedule.steps, losses | (self._diagnosed(clips) if step % watch == 0 else {}))
            if self.checkpoints:
                self.checkpoints.stepped(step)
        self.eval()
        self.after_training(source)

    def before_training(self, source: ClipSource) -> Batches:
        """What training batches are drawn from: the source unless a method says otherwise.

        A method over a frozen backbone may draw from a `FrozenSource` (adapters/nets/frozen_source.py), whose batches
        are of features that were made once; its `training_step` must take them.
        """
        return source

    def after_training(self, source: ClipSource) -> None:
        """Measure in place, in eval mode, what is to be known of the source: nothing unless a method says so.

        Called by `fit` when training is over. What it finds must survive saving: a persistent buffer, for one.
        """

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """What to watch beside the loss while training, on a batch of clips: whether prototypes collapse, and such."""
        return {}

    @torch.no_grad()
    def _diagnosed(self, clips: Tensor) -> dict[str, float]:
        """Diagnostics amid training, in eval mode: looking must not move normalisation statistics or memories."""
        self.eval()
        values = self.diagnostics(clips)
        self.train()
        return values

    # ---- how it adapts -----------------------------------------------------------------------------------------------

    def frozen_features(self, clips: Tensor) -> Any:
        """What no adaptation changes of clips (B, T, C, H, W): the clips themselves unless a method says otherwise.

        `adaptation_loss` and `score` must take what this returns: a tensor, or tuples of such, with B in front. A
        method over a frozen backbone returns its features, which are then made once and serve every number of shots
        and steps. They may depend on no adaptable parameter, and on no normalisation statistics.
        """
        return clips

    def adaptation_loss(self, clips: Any) -> Tensor:
        """What a gradient step on a support set lowers: the training loss unless a method says otherwise."""
        return self.loss(clips)

    def calibrate(self, clips: Any) -> None:
        """Take in, in place, what a scene is like from its support set: nothing unless a method says so.

        Called once an adaptation, after the steps of a tuning; they are all there is to adapting if not `tunable`.

        Args:
            clips: K >= 1 of them, as `frozen_features` returned them.
        """

    def meta_loss(self, clips: Tensor) -> Tensor:
        """What meta-training lowers: the training loss unless a method says otherwise."""
        return self.loss(clips)

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters, by name, that adapting may move: all that take a gradient unless a method says otherwise."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}

    def head_parameters(self) -> dict[str, nn.Parameter]:
        """The adaptable ones of the last layers."""
        return {name: p for name, p in self.adaptable_parameters().items() if name.startswith(self.last_layers)}

    # ---- what pictures show ------------------------------------------------------------------------------------------

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

    # ---- what survives saving ----------------------------------------------------------------------------------------

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays of numbers by name that are saved beside parameters and buffers: none unless a method says so."""
        return {}

    def load_state_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take up, in place, what `state_arrays` of a saved method returned; a method with arrays must define it.

        Raises:
            NotImplementedError: there are arrays, and the method does not say what to do with them.
        """
        if arrays:
            raise NotImplementedError(f"{type(self).__name__} has state_arrays, so it must define load_state_arrays")

    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
