"""Makes tests/data/schedules.json: the learning rates of PyTorch's schedulers, step by step.

    venv/bin/python tests/references/schedules.py

`learning_rates[step]` is what the optimizer has in that step, from 0. A warm-up is `LinearLR` followed by `CosineAnnealingLR`.
PyTorch makes most rates from the step's before, so roundings add up over the steps: 1e-12 is far above them.
"""

import warnings

import torch
from torch.optim import lr_scheduler

from generate import write

BASE = 0.05


def rates(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    scheduler = make(optimizer)
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return result


def cosine_after_warm_up(warm_up, total, final):
    def make(optimizer):
        first = lr_scheduler.LinearLR(optimizer, start_factor=1 / warm_up, total_iters=warm_up - 1)
        second = lr_scheduler.CosineAnnealingLR(optimizer, total - warm_up, eta_min=final * BASE)
        return lr_scheduler.SequentialLR(optimizer, [first, second], [warm_up])
    return make


def main():
    warnings.simplefilter("ignore")
    write("schedules.json", {
        "made_with": f"tests/references/schedules.py, PyTorch {torch.__version__}",
        "base": BASE,
        "step": {
            "size": 7,
            "gamma": 0.3,
            "learning_rates": rates(lambda o: lr_scheduler.StepLR(o, 7, 0.3), 50),
        },
        "cosine": {
            "warm_up": 10,
            "total": 60,
            "final_fraction": 0.1,
            "learning_rates": rates(cosine_after_warm_up(10, 60, 0.1), 60),
        },
        "one_cycle": {
            "total": 57,
            "pct_start": 0.3,
            "div_factor": 25.0,
            "final_div_factor": 1e4,
            "learning_rates": rates(
                lambda o: lr_scheduler.OneCycleLR(o, max_lr=BASE, total_steps=57, cycle_momentum=False), 57
            ),
        },
    })


if __name__ == "__main__":
    main()
