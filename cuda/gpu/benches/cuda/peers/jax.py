"""JAX trains the model of Selvedge's quickstart, an epoch as one compiled loop, and prints a line for each epoch.

    python3 jax.py FOLDER [--tf32] [--batch 64] [--epochs 4]

The lines name JAX's device, which is to be `gpu`. `--tf32` lets matrix products round their factors to 10 bits, which is JAX's default on a GPU and
which Selvedge never does. A last batch that is not full is left out of an epoch: its time is scaled to all samples.
"""

import argparse
import gzip
import pathlib
import sys
import time

# A file of this folder has a library's name: the folder must not be searched for it.
sys.path = [folder for folder in sys.path if pathlib.Path(folder or ".").resolve() != pathlib.Path(__file__).resolve().parent]

import jax
import jax.numpy as jnp
import numpy

LEARNING_RATE = 1e-3


def samples(folder, part):
    """A part's images, a row each, from 0 to 1, and its classes."""

    def content(kind, header):
        packed = pathlib.Path(folder, f"{part}-{kind}-ubyte.gz").read_bytes()
        return numpy.frombuffer(gzip.decompress(packed), dtype=numpy.uint8, offset=header)

    images = content("images-idx3", 16).reshape(-1, 28 * 28).astype(numpy.float32) / 255
    return jnp.asarray(images), jnp.asarray(content("labels-idx1", 8), dtype=jnp.int32)


def initial(key, widths):
    """Weights and biases as PyTorch draws them: uniform within ±1/√inputs."""
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        key, for_weight, for_bias = jax.random.split(key, 3)
        bound = inputs**-0.5
        layers.append(
            {
                "weight": jax.random.uniform(for_weight, (inputs, outputs), minval=-bound, maxval=bound),
                "bias": jax.random.uniform(for_bias, (outputs,), minval=-bound, maxval=bound),
            }
        )
    return layers


def logits(layers, inputs):
    *hidden, last = layers
    for layer in hidden:
        inputs = jnp.maximum(inputs @ layer["weight"] + layer["bias"], 0)
    return inputs @ last["weight"] + last["bias"]


def mean_loss(layers, inputs, targets):
    log_probabilities = jax.nn.log_softmax(logits(layers, inputs))
    return -log_probabilities[jnp.arange(len(targets)), targets].mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4)
    asked = parser.parse_args()

    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if asked.tf32 else "highest")
    images, classes = samples(asked.folder, "train")
    test_images, test_classes = samples(asked.folder, "t10k")
    layers = initial(jax.random.PRNGKey(0), [28 * 28, 512, 512, 10])

    # The samples are arguments: as constants they would be compiled in. The old weights' memory becomes the new ones'.
    def train(layers, images, classes, order):
        def step(layers, rows):
            loss, grads = jax.value_and_grad(mean_loss)(layers, images[rows], classes[rows])
            return jax.tree.map(lambda value, grad: value - LEARNING_RATE * grad, layers, grads), loss

        return jax.lax.scan(step, layers, order)

    train = jax.jit(train, donate_argnums=0)
    name = f"jax {jax.default_backend()}" + (" tf32" if asked.tf32 else "")
    trained = len(images) // asked.batch * asked.batch
    for epoch in range(asked.epochs):
        start = time.perf_counter()
        shuffled = jax.random.permutation(jax.random.PRNGKey(epoch + 1), len(images))
        layers, losses = train(layers, images, classes, shuffled[:trained].reshape(-1, asked.batch))
        losses.block_until_ready()
        seconds = (time.perf_counter() - start) * len(images) / trained
        right = float((logits(layers, test_images).argmax(1) == test_classes).mean())
        print(f"{name} batch {asked.batch} epoch {epoch} {seconds:.6f} s accuracy {right:.4f}", flush=True)


main()
