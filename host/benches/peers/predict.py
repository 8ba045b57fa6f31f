"""Predictions of 784-512-512-10 by another program: a line for each pass over the test images, for `cargo xtask bench cpu --predict --peer`.

Usage: predict.py DATA onnxruntime|pytorch|jax [--threads N] [--batch N] [--epochs N]

DATA is a folder with the gzipped IDX files. A pass takes the images in order, a batch at a time. The time has each call's own costs in it.
"""
import argparse
import gzip
import os
import time

import numpy as np

WIDTHS = [784, 512, 512, 10]


def onnxruntime(layers, threads):
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "x"
    for index, (weight, bias) in enumerate(layers):
        constants += [numpy_helper.from_array(weight, f"w{index}"), numpy_helper.from_array(bias, f"b{index}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{index}", f"b{index}"], [f"s{index}"], transB=1))
        name = f"s{index}"
        if index + 1 < len(layers):
            nodes.append(helper.make_node("Relu", [name], [f"a{index}"]))
            name = f"a{index}"
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", width]) for end, width in [("x", 784), (name, 10)]]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"x": batch})[0]


def pytorch(layers, threads):
    import torch

    torch.set_num_threads(threads)
    modules = []
    for weight, bias in layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        modules += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1]).eval()

    def predict(batch):
        with torch.inference_mode():
            return model(torch.from_numpy(batch)).numpy()

    return predict


def jax(layers, threads):
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
    import jax
    import jax.numpy as jnp

    @jax.jit
    def forward(layers, x):
        for index, (weight, bias) in enumerate(layers):
            x = x @ weight + bias
            x = jnp.maximum(x, 0) if index + 1 < len(layers) else x
        return x

    resident = [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in layers]
    return lambda batch: np.asarray(forward(resident, batch))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data")
    arguments.add_argument("program", choices=["onnxruntime", "pytorch", "jax"])
    for option, value in [("--threads", 1), ("--batch", 1), ("--epochs", 4)]:
        arguments.add_argument(option, type=int, default=value)
    arguments = arguments.parse_args()
    with gzip.open(f"{arguments.data}/t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    random, layers = np.random.default_rng(0), []
    for inputs, outputs in zip(WIDTHS, WIDTHS[1:]):
        bound = inputs**-0.5
        layers.append([random.uniform(-bound, bound, shape).astype(np.float32) for shape in [(outputs, inputs), (outputs,)]])
    predict = {"onnxruntime": onnxruntime, "pytorch": pytorch, "jax": jax}[arguments.program](layers, arguments.threads)
    starts = range(0, len(images) - arguments.batch + 1, arguments.batch)
    for epoch in range(arguments.epochs):
        start = time.perf_counter()
        for first in starts:
            predict(images[first : first + arguments.batch])
        seconds = time.perf_counter() - start
        print(f"{arguments.program} predict batch {arguments.batch} epoch {epoch} {seconds:.4f} s", flush=True)


if __name__ == "__main__":
    main()
