"""A training in a process of its own: ``worker.py CORPUS FOLDER [STEP]``; alone or under torchrun.

Kills itself before the given step; under torchrun only the last rank is asked to stop then.
Otherwise writes all numbers of each rank at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.training.runs import everything, make_trainer


def main() -> None:
    torch.set_num_threads(1)
    os.cpu_count = lambda: 1  # type: ignore[assignment]  # for the thread tuner
    corpus, folder = Path(sys.argv[1]), Path(sys.argv[2])
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
    rank = dist.get_rank() if dist.is_initialized() else 0
    trainer = make_trainer(corpus, folder, rank=rank)
    trainer.resume()

    def told() -> bool:
        if sys.argv[3:] != [str(trainer.step)]:
            return False
        if not dist.is_initialized():
            os.kill(os.getpid(), signal.SIGKILL)
        return rank == dist.get_world_size() - 1

    trainer.run(lambda line: None, None, told)
    torch.save(everything(trainer), folder / f"rank{rank}.pt")
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
