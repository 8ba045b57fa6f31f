"""Makes the losses in tests/data/crossings.json: PyTorch's float64 runs with some of ReLU's decisions given.

    venv/bin/python tests/references/crossings.py FASHION_MNIST_DIR

A pre-activation may be so near to 0 that float32 finds the other sign than float64. A term of the gradient then comes or goes, and
the two runs go on beside each other. `decisions` lists where Selvedge's run finds the other sign than this one does, as
[step, image of the batch, hidden layer, unit]; with these turned round, float64 takes the same way, and every loss can be compared.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch.nn import functional

from generate import OUTPUT, idx, write

OPTIMIZERS = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}
OPTIONS = ["lr", "momentum", "weight_decay", "nesterov", "alpha", "eps"]


def losses(run, initial, images, labels, batch_size, decisions):
    names = [f"linear_relu_stack.{place}.{kind}" for place in (0, 2, 4) for kind in ("weight", "bias")]
    parameters = [torch.tensor(initial[name]).double().requires_grad_() for name in names]
    options = {name: run[name] for name in OPTIONS if name in run}
    optimizer = OPTIMIZERS[run["optimizer"]](parameters, **options)
    for step in range(len(run["losses_float64"])):
        batch = slice(step * batch_size, (step + 1) * batch_size)
        values = images[batch]
        for layer in (0, 1):
            sums = functional.linear(values, *parameters[2 * layer : 2 * layer + 2])
            is_positive = sums > 0
            for at, image, of, unit in decisions:
                if (at, of) == (step, layer):
                    is_positive[image, unit] ^= True
            values = sums * is_positive
        loss = functional.cross_entropy(functional.linear(values, *parameters[4:]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def main():
    folder = Path(sys.argv[1])
    trajectories = json.loads((OUTPUT / "trajectories.json").read_text())
    initial = load_file(OUTPUT / "init-784x512x512x10.safetensors")
    images = idx(folder, "train-images-idx3-ubyte.gz", 16, (-1, 784))[:12800]
    # Divided in float32, as Selvedge loads them.
    images = torch.from_numpy(images.numpy().astype(np.float32) / np.float32(255)).double()
    labels = idx(folder, "train-labels-idx1-ubyte.gz", 8, (-1,))[:12800].long()
    crossings = json.loads((OUTPUT / "crossings.json").read_text())
    for crossing in crossings:
        run = trajectories["runs"][crossing["run"]]
        found = losses(run, initial, images, labels, trajectories["batch_size"], crossing["decisions"])
        crossing["losses_float64"] = list(found)
    write("crossings.json", crossings)


main()
