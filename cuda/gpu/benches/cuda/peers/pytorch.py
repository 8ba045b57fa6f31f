"""PyTorch trains the model of Selvedge's quickstart on a GPU, and prints a line for each epoch.

    python3 pytorch.py FOLDER [--mode eager|compile|graph|many] [--tf32] [--batch 64] [--epochs 4]

All samples are on the GPU before the first epoch, and no loader stands between. The modes, from what most programs do to the most that a patient
user may do:

    eager    one call after the other
    compile  torch.compile with its own CUDA graphs, over the whole step
    graph    one step as a CUDA graph, which the program replays
    many     a hundred steps as one CUDA graph, with their samples picked inside of it

`--tf32` lets matrix products round their factors to 10 bits, which Selvedge never does. A last batch that is not full is left out of an epoch: its
time is then that of the samples that were trained, scaled to all of them.
"""

import argparse
import gzip
import pathlib
import sys
import time

# A file of this folder has a library's name: the folder must not be searched for it.
sys.path = [folder for folder in sys.path if pathlib.Path(folder or ".").resolve() != pathlib.Path(__file__).resolve().parent]

import numpy
import torch
from torch import nn

STEPS_OF_A_GRAPH = 100


def samples(folder, part):
    """A part's images, a row each, from 0 to 1, and its classes; both on the GPU."""

    def content(kind, header):
        packed = pathlib.Path(folder, f"{part}-{kind}-ubyte.gz").read_bytes()
        return numpy.frombuffer(gzip.decompress(packed), dtype=numpy.uint8, offset=header)

    images = torch.tensor(content("images-idx3", 16), device="cuda").reshape(-1, 28 * 28)
    classes = torch.tensor(content("labels-idx1", 8), device="cuda")
    return images.to(torch.float32).div_(255), classes.to(torch.int64)


def captured(body):
    """`body` as a CUDA graph. PyTorch asks for a few runs aside first."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            body()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        body()
    return graph


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--mode", choices=["eager", "compile", "graph", "many"], default="graph")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    asked = parser.parse_args()

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high" if asked.tf32 else "highest")
    images, classes = samples(asked.folder, "train")
    test_images, test_classes = samples(asked.folder, "t10k")
    widths = [28 * 28, 512, 512, 10]
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1]).cuda()
    # In a graph, the rule of all tensors is one kernel.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, fused=True)
    cross_entropy = nn.CrossEntropyLoss()

    def step(inputs, targets):
        # With gradients set to none, the backward pass writes them and need not add.
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    if asked.mode == "compile":
        step = torch.compile(step, mode="reduce-overhead")
    # Steps that one piece of work takes: the order's rows.
    together = STEPS_OF_A_GRAPH if asked.mode == "many" else 1
    chosen = torch.zeros(together, asked.batch, dtype=torch.int64, device="cuda")

    def steps():
        for row in chosen:
            step(images[row], classes[row])

    graph = captured(steps) if asked.mode in ("graph", "many") else None
    name = f"pytorch {asked.mode}" + (" tf32" if asked.tf32 else "")
    trained = len(images) // (together * asked.batch) * together * asked.batch
    for epoch in range(asked.epochs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        order = torch.randperm(len(images), device="cuda")[:trained].reshape(-1, together, asked.batch)
        for rows in order:
            if graph:
                chosen.copy_(rows)
                graph.replay()
            else:
                step(images[rows[0]], classes[rows[0]])
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) * len(images) / trained
        with torch.no_grad():
            right = (model(test_images).argmax(1) == test_classes).float().mean().item()
        print(f"{name} batch {asked.batch} epoch {epoch} {seconds:.6f} s accuracy {right:.4f}", flush=True)


main()
