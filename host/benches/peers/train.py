"""Trains 784-512-512-10 with another program: a line for each epoch, for `cargo xtask bench cpu --peer`.

Usage: train.py DATA pytorch|jax [--threads N] [--batch N] [--epochs N]

DATA is a folder with the gzipped IDX files. The recipe is the quickstart's: SGD with a learning rate of 0.001. All samples lie in memory as float32, and
each epoch takes them in a new order, without a data loader.
"""
import argparse
import gzip
import os
import time

import numpy as np

WIDTHS = [784, 512, 512, 10]
RATE = 1e-3


def pytorch(images, labels, threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    modules = []
    for inputs, outputs in zip(WIDTHS, WIDTHS[1:]):
        modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    loss = torch.nn.CrossEntropyLoss()

    def epoch(batch, count):
        order = torch.randperm(len(images))
        for first in range(0, count, batch):
            chosen = order[first : first + batch]
            optimizer.zero_grad()
            loss(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()

    return epoch


def jax(images, labels, threads):
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
    from functools import partial

    import jax
    import jax.numpy as jnp

    images, labels = jnp.asarray(images), jnp.asarray(labels.astype(np.int32))
    key, layers = jax.random.key(0), []
    for inputs, outputs in zip(WIDTHS, WIDTHS[1:]):
        key, *two = jax.random.split(key, 3)
        bound = inputs**-0.5
        layers.append([jax.random.uniform(two[0], (inputs, outputs), jnp.float32, -bound, bound), jax.random.uniform(two[1], (outputs,), jnp.float32, -bound, bound)])

    def loss(layers, x, y):
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        logits = x @ layers[-1][0] + layers[-1][1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()

    # The whole epoch is one compiled program, which is the fastest form.
    @partial(jax.jit, donate_argnums=0)
    def steps(layers, batches):
        def step(layers, chosen):
            gradients = jax.grad(loss)(layers, images[chosen], labels[chosen])
            return jax.tree.map(lambda number, gradient: number - RATE * gradient, layers, gradients), None

        return jax.lax.scan(step, layers, batches)[0]

    random = np.random.default_rng(0)

    def epoch(batch, count):
        nonlocal layers
        order = random.permutation(len(images))[:count].astype(np.int32).reshape(-1, batch)
        layers = jax.block_until_ready(steps(layers, jnp.asarray(order)))

    return epoch


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data")
    arguments.add_argument("program", choices=["pytorch", "jax"])
    for option, value in [("--threads", 2), ("--batch", 64), ("--epochs", 4)]:
        arguments.add_argument(option, type=int, default=value)
    arguments = arguments.parse_args()
    with gzip.open(f"{arguments.data}/train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    with gzip.open(f"{arguments.data}/train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    epoch = {"pytorch": pytorch, "jax": jax}[arguments.program](images, labels, arguments.threads)
    count = len(images) // arguments.batch * arguments.batch
    for number in range(arguments.epochs):
        start = time.perf_counter()
        epoch(arguments.batch, count)
        seconds = time.perf_counter() - start
        speed = count / seconds
        print(f"{arguments.program} train batch {arguments.batch} epoch {number} {seconds:.4f} s {speed:.0f} samples/s", flush=True)


if __name__ == "__main__":
    main()
