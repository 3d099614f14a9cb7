"""One readable loop: stages, steps, averaged weights, exact resume.

In: TrainSettings, a corpus. Out: metrics as JSON lines, states, checkpoints, sheets.
Knows nothing about losses (objective.py) or batches (batches.py).
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mmfa_core.config import ModelConfig, from_dict, to_dict
from mmfa_core.errors import ConfigError, MismatchError
from mmfa_core.hardware import has_fast_bfloat16
from mmfa_core.losses.adversarial import discriminator_loss, generator_loss
from mmfa_core.losses.terms import weighted_sum
from mmfa_core.model import MMFA
from mmfa_core.networks.discriminator import PatchDiscriminator
from mmfa_core.training.batches import Pair, PairSampler
from mmfa_core.training.hard_cases import ClipErrors
from mmfa_core.training.machine import ThreadTuner, require_room
from mmfa_core.training.objective import PairObjective, StepResult
from mmfa_core.training.settings import StageSettings, TrainSettings
from mmfa_core.training.state import load_state, save_state

Report = Callable[[dict[str, Any]], None]
LOG_SECONDS = 20.0


@dataclass(frozen=True)
class Place:
    """Say where in the schedule a step is: the stage, and the step within it."""

    stage: StageSettings
    index: int
    step: int


class Trainer:
    """Hold what a run changes: model, averaged model, optimisers and the step."""

    def __init__(
        self,
        settings: TrainSettings,
        model: MMFA,
        sampler: PairSampler,
        folder: Path,
        *,
        device: torch.device,
        perceptual: Callable[[Tensor], list[Tensor]] | None = None,
        rank: int = 0,
    ) -> None:
        """Set up; nothing is loaded or run yet."""
        self.settings = settings
        self.folder = folder
        self.device = device
        self.rank = rank
        self.sampler = sampler
        self.clip_errors = ClipErrors([clip.name for clip in sampler.corpus.clips])
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.model).requires_grad_(False)
        objective = PairObjective(
            model, teacher=settings.teacher, perceptual=perceptual, judge=self.averaged
        )
        self.objective: nn.Module = objective.to(device)
        if dist.is_initialized():
            self.objective = nn.parallel.DistributedDataParallel(
                self.objective, find_unused_parameters=True
            )
        encoders = [
            p
            for part in (
                model.motion_estimator,
                model.expression_encoder,
                model.expression_vae,
                model.refinement,
            )
            for p in part.parameters()
        ]
        known = {id(p) for p in encoders}
        rest = [p for p in model.parameters() if id(p) not in known]
        self.optimiser = torch.optim.AdamW(
            [{"params": encoders}, {"params": rest}],
            lr=1e-3,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
            fused=True,
        )
        self.discriminator: PatchDiscriminator | None = None
        self.critic_optimiser: torch.optim.Optimizer | None = None
        if any(s.weights.adversarial > 0 for s in settings.stages):
            self.discriminator = PatchDiscriminator().to(device)
            self.critic_optimiser = torch.optim.AdamW(
                self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.99)
            )
        self.step = 0
        self.seconds = 0.0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: tuple[int, Future[Pair]] | None = None
        self.total = sum(s.steps for s in settings.stages)

    def place(self, step: int | None = None) -> Place | None:
        """Find the stage of a step (default: the current one); None beyond the schedule."""
        step = self.step if step is None else step
        first = 0
        for index, stage in enumerate(self.settings.stages):
            if step < first + stage.steps:
                return Place(stage, index, step - first)
            first += stage.steps
        return None

    def one_step(self) -> dict[str, float]:
        """Make one optimiser step and return its terms."""
        place = self.place()
        if place is None:
            raise ValueError("the schedule is over")
        stage = place.stage
        rate = learning_rate(stage, place.step)
        for group, factor in zip(self.optimiser.param_groups, (stage.encoder_lr, 1.0), strict=True):
            group["lr"] = rate * factor
        pair = to_device(self._take_batch(), self.device)
        noise = self._noise(stage)
        self.model.train()
        half = self.settings.precision == "auto" and has_fast_bfloat16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            result: StepResult = self.objective(
                pair,
                stage.weights,
                noise,
                joint=stage.moves,
                frozen=stage.kind == "generator",
                paint=stage.kind != "motion",
            )
        if result.errors is not None and place.step >= stage.warmup:  # young networks err anywhere
            self.clip_errors.add(pair.clips, result.errors)
        terms = dict(result.terms)
        if self.discriminator is not None and stage.weights.adversarial > 0 and result.face_crops:
            terms |= self._adversarial(result.face_crops)
        loss = weighted_sum(terms, stage.weights)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if stage.kind == "vae":
            self._freeze_all_but_vae()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        if torch.isfinite(norm):
            self.optimiser.step()
            self._average()
        self.step += 1
        return {k: float(v.detach()) for k, v in terms.items()} | {
            "loss": float(loss.detach()),
            "norm": float(norm),
            "lr": rate,
        }

    def run(
        self,
        report: Report,
        evaluate: Callable[[Trainer], dict[str, Any]] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run until the schedule ends or ``stop`` says so; saves on the way out.

        Args:
            report: gets a dictionary for every line of the log.
            evaluate: measures and draws on held-out people; called at times of the settings.
            stop: asked after every step; when one of several processes is told so, all stop.
        """
        together = dist.get_world_size() if dist.is_initialized() else 1
        tuner = ThreadTuner()
        saved = shown = measured = start = time.monotonic()
        sums: dict[str, float] = {}
        count = pairs = 0
        while (place := self.place()) is not None and not self._agree(stop()):
            tuner.update()
            terms = self.one_step()
            pairs += place.stage.batch * together
            count += 1
            for key, value in terms.items():
                sums[key] = sums.get(key, 0.0) + value
            now = time.monotonic()
            if now - shown > LOG_SECONDS or self.place() is None:
                speed = pairs / (now - shown)
                left = (self.total - self.step) * place.stage.batch * together / speed
                means = {k: round(v / count, 5) for k, v in sums.items()}
                report(
                    {
                        "step": self.step,
                        "steps": self.total,
                        "stage": place.stage.name,
                        "pairs_per_s": round(speed, 2),
                        "seconds_left": round(left),
                        "hours": round((self.seconds + now - start) / 3600, 3),
                        **means,
                    }
                )
                shown, pairs, count, sums = now, 0, 0, {}
            if self.rank == 0 and now - saved > 60 * self.settings.checkpoint_minutes:
                self.seconds, start = self.seconds + now - start, now
                self.save()
                saved = now
            if (
                self.rank == 0
                and evaluate is not None
                and (now - measured > 60 * self.settings.evaluate_minutes or self._stage_ended())
            ):
                report({"step": self.step, "evaluation": evaluate(self)})
                measured = time.monotonic()
        self.seconds += time.monotonic() - start
        if self.rank == 0:
            self.save()

    def _agree(self, stop: bool) -> bool:
        """Stop when one of the processes is asked to: another that goes on would wait for it."""
        if not dist.is_initialized():
            return stop
        asked = torch.tensor([float(stop)], device=self.device)
        dist.all_reduce(asked, dist.ReduceOp.MAX)
        return bool(asked.item())

    def save(self) -> None:
        """Write the state, and what the log knows of clips."""
        require_room(self.folder)
        values: dict[str, Any] = {
            "step": self.step,
            "seconds": self.seconds,
            "model_config": json.dumps(to_dict(self.model.config), sort_keys=True),
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "clip_errors": self.clip_errors.state(),
        }
        if self.discriminator is not None and self.critic_optimiser is not None:
            values["discriminator"] = self.discriminator.state_dict()
            values["critic_optimiser"] = self.critic_optimiser.state_dict()
        save_state(self.folder, values)
        self.clip_errors.write(self.folder)

    def resume(self) -> bool:
        """Load the state of the folder, if there is one.

        Returns:
            True when a state was loaded.

        Raises:
            MismatchError: when it is damaged or belongs to another architecture.
        """
        values = load_state(self.folder)
        if values is None:
            return False
        if not self._is_mine(values["model_config"]):
            raise MismatchError(
                "The training state belongs to another model configuration.",
                "Give another --output, or the configuration that the state was made with.",
            )
        self.step = int(values["step"])
        self.seconds = float(values["seconds"])
        self.model.load_state_dict(values["model"])
        self.averaged.load_state_dict(values["averaged"])
        self.optimiser.load_state_dict(values["optimiser"])
        self.clip_errors.load(values.get("clip_errors"))
        if self.discriminator is not None and "discriminator" in values:
            self.discriminator.load_state_dict(values["discriminator"])
            if self.critic_optimiser is not None:
                self.critic_optimiser.load_state_dict(values["critic_optimiser"])
        return True

    def _is_mine(self, described: str) -> bool:
        """Compare with the configuration of a state; it may be older than a field of ours."""
        try:
            return bool(from_dict(ModelConfig, json.loads(described)) == self.model.config)
        except ConfigError:
            return False

    def _freeze_all_but_vae(self) -> None:
        """Drop every gradient but those of the expression VAE, so that only it learns."""
        learning = {id(p) for p in self.model.expression_vae.parameters()}
        for parameter in self.model.parameters():
            if id(parameter) not in learning:
                parameter.grad = None

    def _take_batch(self) -> Pair:
        """Take the batch of this step, and have the next one made meanwhile."""
        ahead, self._ahead = self._ahead, None
        known = ahead is not None and ahead[0] == self.step
        pair = ahead[1].result() if ahead is not None and known else self._batch(self.step)
        if self.place(self.step + 1) is not None:
            self._ahead = (self.step + 1, self._reader.submit(self._batch, self.step + 1))
        return pair

    def _batch(self, step: int) -> Pair:
        place = self.place(step)
        if place is None:
            raise ValueError("the schedule is over")
        stage = place.stage
        return self.sampler.batch(step, stage.batch, joint=stage.moves, rank=self.rank)

    def _stage_ended(self) -> bool:
        place = self.place()
        return place is None or (place.step == 0 and self.step > 0)

    def _noise(self, stage: StageSettings) -> Tensor:
        digest = hashlib.sha256(f"{self.settings.seed}/{self.step}/{self.rank}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        size = self.model.config.expression_code
        noise = torch.randn(2 * stage.batch, size + 4, generator=generator)
        if not stage.sample_code:
            noise[:, :size] = 0
        return noise.to(self.device)

    def _average(self) -> None:
        """Move the averaged weights; quickly while a run is young."""
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            mine = list(self.model.state_dict().values())
            theirs = list(self.averaged.state_dict().values())
            torch._foreach_lerp_(theirs, mine, 1 - decay)

    def _adversarial(self, crops: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Step the discriminator on detached crops, and return the generator's terms."""
        critic, optimiser = self.discriminator, self.critic_optimiser
        assert critic is not None and optimiser is not None
        fakes, reals = crops
        critic.requires_grad_(True)
        optimiser.zero_grad(set_to_none=True)
        discriminator_loss(critic(fakes.detach()), critic(reals)).backward()  # type: ignore[no-untyped-call]
        if dist.is_initialized():
            for gradient in (p.grad for p in critic.parameters() if p.grad is not None):
                dist.all_reduce(gradient)
                gradient.div_(dist.get_world_size())
        optimiser.step()
        critic.requires_grad_(False)
        return generator_loss(critic(fakes), critic(reals))


def learning_rate(stage: StageSettings, step: int) -> float:
    """Give the rate of a step of a stage: linear warm-up, then cosine to ``lr_end`` of the peak."""
    if step < stage.warmup:
        return stage.lr * (step + 1) / stage.warmup
    share = (step - stage.warmup) / max(1, stage.steps - stage.warmup)
    low = stage.lr_end
    return stage.lr * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def to_device(pair: Pair, device: torch.device) -> Pair:
    """Move a batch to a device, pictures channels last."""

    def move(part: Any) -> Any:
        values = {k: v.to(device) for k, v in vars(part).items()}
        values["pictures"] = values["pictures"].contiguous(memory_format=torch.channels_last)
        return type(part)(**values)

    return Pair(move(pair.source), move(pair.driving), pair.clips)
