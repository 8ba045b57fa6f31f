"""PyTorch, NumPy and ONNX Runtime on Selvedge's files: jobs of jobs.py.

    save IN.safetensors OUT.pth             # torch.save of its state dict
    save IN.safetensors OUT.pth LAYERS      # of the nn.Sequential of these layers that loaded it
    logits FILE TEST.npz [LAYERS]           # what the other program makes of FILE
    resave IN.npz OUT.npz                   # NumPy's own copy, compressed
    forms FOLDER                            # one network as other programs name and wrap it
    normalized TEST.npz OUT.pth             # a network that saw Normalize, with what it makes of TEST
    graphs FOLDER                           # ONNX graphs as exporters write them, and their outputs

One process runs them all, so each seeds what it draws, and leaves no setting of a package changed.

TEST.npz has `input` ([images, 784] float32, pixel / 255, or other inputs) and `logits`, Selvedge's own. FILE is .safetensors or .npz (loaded
into PyTorch's module by load_state_dict, strict) or .onnx (run by ONNX Runtime). LAYERS are those of PyTorch's module, such as
'784 => 256 BatchNorm1d Relu Dropout => 10'; without them they are linear layers of FILE's widths with ReLU between.
"""

import pathlib

import numpy as np


def sequential(layers):
    from torch import nn

    words = {
        "Relu": lambda width: nn.ReLU(),
        "LeakyRelu": lambda width: nn.LeakyReLU(),
        "Tanh": lambda width: nn.Tanh(),
        "Sigmoid": lambda width: nn.Sigmoid(),
        "Gelu": lambda width: nn.GELU(approximate="tanh"),
        "BatchNorm1d": nn.BatchNorm1d,
        "Dropout": lambda width: nn.Dropout(),
        "LogSoftmax": lambda width: nn.LogSoftmax(dim=1),
    }
    first, *parts = (part.split() for part in layers.split("=>"))
    modules, inputs = [], int(first[0])
    for width, *names in parts:
        modules += [nn.Linear(inputs, int(width)), *(words[name](int(width)) for name in names)]
        inputs = int(width)
    return nn.Sequential(*modules)


def loaded(layers, state):
    """The module of these layers with these tensors, by the names of the quickstart's; its buffers are the file's."""
    from torch import nn

    model = nn.ModuleDict({"linear_relu_stack": sequential(layers)})
    model.load_state_dict(state, strict=True)
    found = model.state_dict()
    assert all(found[name].equal(tensor) for name, tensor in state.items())
    assert all(name.endswith("num_batches_tracked") for name in found.keys() - state.keys()), found.keys()
    return model["linear_relu_stack"].eval()


def by_pytorch(path, inputs, layers):
    import torch
    from safetensors.torch import load_file

    from generate import NeuralNetwork

    if path.suffix == ".npz":
        with np.load(path) as arrays:
            state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    else:
        state = load_file(path)
    if layers:
        with torch.no_grad():
            return loaded(layers, state)(torch.from_numpy(inputs)).numpy()
    names = sorted((name for name in state if name.endswith(".weight")), key=lambda name: int(name.split(".")[1]))
    weights = [state[name] for name in names]
    model = NeuralNetwork([weights[0].shape[1], *(weight.shape[0] for weight in weights)])
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        return model(torch.from_numpy(inputs)).numpy()


def by_onnx_runtime(path, inputs):
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (described,) = session.get_inputs()
    shape = ["batch", inputs.shape[1]]
    assert (described.name, described.shape, described.type) == ("input", shape, "tensor(float)"), described
    (output,) = session.get_outputs()
    (logits,) = session.run([output.name], {"input": inputs})
    return logits, {"output": output.name, "description": session.get_modelmeta().description}


def logits(path, test, layers=None):
    path, test = map(pathlib.Path, (path, test))
    with np.load(test) as arrays:
        inputs, expected = arrays["input"], arrays["logits"]
    said = {}
    if path.suffix == ".onnx":
        found, said = by_onnx_runtime(path, inputs)
    else:
        found = by_pytorch(path, inputs, layers)
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return {
        "images": len(inputs),
        "equal_argmax": int((found.argmax(1) == expected.argmax(1)).sum()),
        "max_difference": float(difference.max()),
        "largest_logit": float(np.abs(expected).max()),
        **said,
    }


def save(source, target, layers=None):
    import torch
    from safetensors.torch import load_file

    state = load_file(source)
    if layers:
        state = loaded(layers, state).state_dict()
    torch.save(state, target)
    return {"tensors": len(state)}


def resave(source, target):
    with np.load(source) as arrays:
        copies = {name: arrays[name].copy() for name in arrays.files}
    np.savez_compressed(target, **copies)
    return {name: [str(array.dtype), list(array.shape)] for name, array in copies.items()}


def forms(folder):
    """The network of reference.safetensors in each form, with the options that its conversion takes; and what is refused."""
    import argparse

    import torch
    from safetensors.torch import save_file
    from torch import nn

    folder = pathlib.Path(folder)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    save_file({f"linear_relu_stack.{name}": tensor for name, tensor in state.items()}, folder / "reference.safetensors")
    w1, b1, w2, b2 = (tensor.numpy() for tensor in state.values())
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(3, 784)).sum().backward()
    inner = {f"model.{name}": tensor for name, tensor in state.items()}

    def renamed(first, last):
        return {{"0": first, "2": last}[name[0]] + name[1:]: tensor for name, tensor in state.items()}

    extra = {"temperature": torch.tensor(1.5), "mask": torch.ones(16, dtype=torch.bool), "note": "text"}
    legacy = {"_use_new_zipfile_serialization": False}
    by_torch = {
        "fc.pth": renamed("fc1", "fc2"),
        "flatten.pth": renamed("1", "3"),
        "modules.pth": renamed("layers.0", "layers.1"),
        "nested.pth": renamed("net.0.1", "net.1.0"),
        "checkpoint.pth": {
            "epoch": 3, "model": state, "optimizer": optimizer.state_dict(), "args": argparse.Namespace(lr=0.1),
            "best": np.float64(0.5), "losses": [0.1, 0.2],
        },
        "lightning.ckpt": {"state_dict": inner, "hyper_parameters": {"lr": 1e-3}, "optimizer_states": []},
        "parameters.pth": {name: nn.Parameter(tensor) for name, tensor in state.items()},
        "averaged.pth": torch.optim.swa_utils.AveragedModel(model).state_dict(),
        "transposed.pth": {n: t.t().contiguous().t() if t.dim() == 2 else t for n, t in state.items()},
    }
    files = [[name, []] for name in by_torch]
    for name, value in by_torch.items():
        torch.save(value, folder / name)
    for name in ["fc.pth", "checkpoint.pth", "parameters.pth"]:
        torch.save(by_torch[name], folder / f"legacy-{name}", **legacy)
        files.append([f"legacy-{name}", []])
    torch.save({"model": state, "ema": renamed("a", "b")}, folder / "two.pth")
    files.append(["two.pth", ["--key", "model"]])
    torch.save(state | extra, folder / "extra.pth")
    files.append(["extra.pth", ["--no-strict"]])
    arrays = {
        "keras.npz": ([w1.T, b1, w2.T, b2], {}),
        "scikit-learn.npz": ([w1.T, w2.T, b1, b2], {}),
        "coefs.npz": ([], {"coefs_0": w1.T, "coefs_1": w2.T, "intercepts_0": b1, "intercepts_1": b2}),
        "flax.npz": ([], {"params/Dense_0/kernel": w1.T, "params/Dense_0/bias": b1, "params/Dense_1/kernel": w2.T, "params/Dense_1/bias": b2}),
        "fortran.npz": ([], {name: np.asfortranarray(tensor.numpy()) for name, tensor in state.items()}),
    }
    for name, (unnamed, named) in arrays.items():
        np.savez(folder / name, *unnamed, **named)
        files.append([name, []])
    save_file(renamed("hidden", "classes"), folder / "sorted.safetensors")
    files.append(["sorted.safetensors", []])
    files.append(["sorted.safetensors", ["--map", "hidden=0", "--map", "classes.weight=2.weight", "--map", "classes.bias=2.bias"]])

    np.savez(folder / "square.npz", kernel=np.eye(10, dtype=np.float32), bias=np.zeros(10, np.float32))
    broken = state | {"2.weight": state["2.weight"].clone()}
    broken["2.weight"][9, 15] = float("nan")
    torch.save(broken, folder / "nan.pth")
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(784, 16)), nn.ReLU(), nn.Linear(16, 10))
    torch.save(normed.state_dict(), folder / "normed.pth")
    torch.save(model, folder / "whole.pth")
    return {"files": files}


def normalized(test, target):
    """A state dict; its logits where inputs were normalised by one mean and deviation, and by one for each, saved beside it."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    torch.save(model.state_dict(), target)
    with np.load(test) as arrays:
        inputs = torch.from_numpy(arrays["input"])
    mean, std = inputs.mean(0), inputs.std(0) + 0.05
    folder = pathlib.Path(target).parent
    np.save(folder / "mean.npy", mean.numpy())
    np.save(folder / "std.npy", std.numpy().astype(np.float64).reshape(28, 28))
    with torch.no_grad():
        return {"one": model((inputs - 0.286) / 0.353).tolist(), "each": model((inputs - mean) / std).tolist()}


def graphs(folder):
    """ONNX graphs, each with a word of the note that its reading gives; ONNX Runtime's outputs; and graphs that are refused, with why."""
    import warnings

    import onnxruntime
    import torch
    from onnx import TensorProto, helper, numpy_helper, save
    from torch import nn

    folder = pathlib.Path(folder)
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).random((8, 12), np.float32)
    files = []

    class View(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(12, 4, bias=False), nn.Linear(4, 3)

        def forward(self, x):
            return torch.softmax(self.last(torch.relu(self.first(x.view(x.size(0), -1)))), -1)

    every = nn.Sequential(
        nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.GELU(approximate="tanh"), nn.Dropout(), nn.Linear(6, 6), nn.Tanh(),
        nn.Linear(6, 5), nn.LeakyReLU(), nn.Linear(5, 4), nn.Sigmoid(), nn.Linear(4, 3), nn.LogSoftmax(1),
    )
    for tensor in (every[2].running_mean, every[2].running_var, every[2].weight.data):
        tensor.uniform_(0.5, 2)
    exact = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.GELU(), nn.Linear(6, 3))
    for opset in (11, 13, 17, 20):
        for name, module, note in (("every", every, ""), ("view", View(), "softmax"), ("exact", exact, "error function")):
            for axes in ({}, {"input": {0: "batch"}}):
                file = f"{name}-{opset}{'-dynamic' if axes else ''}.onnx"
                example = torch.zeros(8, 1, 3, 4)
                with warnings.catch_warnings(action="ignore"):
                    torch.onnx.export(
                        module.eval(), example, str(folder / file), dynamo=False, opset_version=opset, input_names=["input"], dynamic_axes=axes
                    )
                files.append([file, note])

    w1, b1, w2, b2 = (np.random.default_rng(n).normal(size=shape).astype(np.float32) for n, shape in enumerate([(12, 4), 4, (4, 3), 3]))

    def graph(name, nodes, constants, shape=("batch", 12), outputs=("y",), dtype=np.float32, **others):
        def constant(key, value):
            tensor = numpy_helper.from_array(np.asarray(value), key)
            if others.get("unpacked") and tensor.data_type == TensorProto.FLOAT:
                tensor = helper.make_tensor(key, TensorProto.FLOAT, np.shape(value), np.ravel(value).tolist())
            return tensor

        made = helper.make_graph(
            [helper.make_node(op, ins.split(), outs.split(), name=f"node{place}", **attributes) for place, (op, ins, outs, attributes) in enumerate(nodes)],
            "graph",
            [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs],
            [constant(key, value) for key, value in constants.items()],
        )
        save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), folder / f"{name}.onnx")
        return f"{name}.onnx"

    def node(op, ins, outs, **attributes):
        return op, ins, outs, attributes

    weights = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    first = [node("MatMul", "x w1", "m1"), node("Add", "m1 b1", "a1")]
    last = [node("MatMul", "r1 w2", "m2"), node("Add", "b2 m2", "y")]
    relu = node("Relu", "a1", "r1")
    plain = [*first, relu, *last]
    gelu = [
        node("Pow", "a1 three", "g1"), node("Mul", "g1 c", "g2"), node("Add", "a1 g2", "g3"), node("Mul", "g3 root", "g4"),
        node("Tanh", "g4", "g5"), node("Add", "g5 one", "g6"), node("Mul", "a1 half", "g7"), node("Mul", "g7 g6", "r1"),
    ]
    numbers = {"three": np.float32(3), "c": np.float32(0.044715), "root": np.float32(0.7978845608), "one": np.float32(1), "half": np.float32(0.5)}
    scales = {"s": np.float32([0.5, 2, 1, 3]), "d": np.float32([1, 2, 3, 4])}
    norm = {"n1": np.float32([1, 2, 0.5, 1]), "n2": b1, "n3": np.float32([0.1, 0, 0.2, 0.3]), "n4": np.float32([1, 2, 3, 0.5])}
    for file in (
        graph("keras", plain, weights),
        graph("keras-flat", [node("Reshape", "x shape", "f"), node("MatMul", "f w1", "m1"), *plain[1:]], weights | {"shape": np.int64([-1, 12])}, ("batch", 3, 4, 1)),
        graph("float-data", plain, weights, unpacked=True),
        graph("gelu-tanh", [*first, *gelu, *last], weights | numbers),
        graph("turned", [node("Transpose", "t1", "w1", perm=[1, 0]), *plain], {"t1": w1.T.copy(), "b1": b1, "w2": w2, "b2": b2}),
        graph("gemm", [node("Gemm", "x w1 b1", "a1", alpha=0.5, beta=2.0), relu, *last], weights),
        graph("wide", plain, {name: value.astype(np.float32) for name, value in weights.items()} | {"b1": b1.reshape(1, 4)}),
        graph("norm-as-scale", [*first, node("Mul", "a1 s", "a2"), node("Add", "a2 d", "a3"), node("Relu", "a3", "r1"), *last], weights | scales),
        graph("norm-epsilon", [*first, node("BatchNormalization", "a1 n1 n2 n3 n4", "a2", epsilon=1e-3), node("Relu", "a2", "r1"), *last], weights | norm),
        graph("clip", [*first, node("Clip", "a1 zero", "r1"), *last], weights | {"zero": np.float32(0)}),
        graph("temperature", [*first, relu, *last[:1], node("Add", "b2 m2", "l"), node("Div", "l two", "y")], weights | {"two": np.float32(2)}),
        graph("sigmoid", [*first, node("Neg", "a1", "e1"), node("Exp", "e1", "e2"), node("Add", "e2 one", "e3"), node("Reciprocal", "e3", "r1"), *last], weights | numbers),
        graph("constants", [node("Constant", "", "b1", value=numpy_helper.from_array(b1)), *plain], {"w1": w1, "w2": w2, "b2": b2}),
    ):
        files.append([file, ""])
    standardised = [node("Sub", "x half", "x1"), node("Div", "x1 by", "x2"), node("MatMul", "x2 w1", "m1"), *plain[1:]]
    files.append([graph("standardised", standardised, weights | {"half": np.float32(0.5), "by": np.float32(0.25)}), "put into the first layer"])
    refused = [
        [graph("branch", [*first, relu, node("Add", "r1 a1", "s1"), node("MatMul", "s1 w2", "m2"), node("MatMul", "r1 w2", "m3"), node("Add", "m2 m3", "y")], weights), "no activation here"],
        [graph("skip", [*first, node("MatMul", "a1 sq", "k"), node("Add", "k a1", "r1"), *last], weights | {"sq": np.eye(4, dtype=np.float32)}), "branches"],
        [graph("silu", [*first, node("Sigmoid", "a1", "s1"), node("Mul", "a1 s1", "r1"), *last], weights), "no activation here"],
        [graph("relu6", [*first, node("Clip", "a1 zero six", "r1"), *last], weights | {"zero": np.float32(0), "six": np.float32(6)}), "no activation here"],
        [graph("leaky", [*first, node("LeakyRelu", "a1", "r1", alpha=0.3), *last], weights), "no activation here"],
        [graph("convolution", [node("Conv", "x k", "a1"), relu, *last], weights | {"k": np.ones((1, 1, 3, 3), np.float32)}), "`Conv` at `node0` is an operator that is not read"],
        [graph("bytes-divided", [node("Div", "x all", "h"), node("MatMul", "h w1", "m1"), *plain[1:]], weights | {"all": np.float32(255)}), "divided by 255 already"],
        [graph("halves", [node("Reshape", "x shape", "f"), node("MatMul", "f w3", "a1"), relu, *last], weights | {"shape": np.int64([-1, 6]), "w3": w1[:6]}), "may not leave a sample in each row"],
        [graph("two", [*plain, node("Identity", "y", "z")], weights, outputs=("y", "z")), "2 outputs"],
        [graph("rows", plain, {**weights, "w1": w1[:11]}), "takes 11 numbers of each sample, which has 12"],
        [graph("bytes", [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w1", "m1"), *plain[1:]], weights, dtype=np.uint8), "bytes / 255"],
        [graph("norm-first", [node("BatchNormalization", "x n n n n", "x2"), node("MatMul", "x2 w1", "m1"), *plain[1:]], weights | {"n": np.ones(12, np.float32)}), "begins with a linear layer"],
        [graph("nan", plain, {**weights, "b2": np.float32([1, np.nan, 2])}), "2.bias[1] is NaN"],
        [graph("softmax", [*first, node("Softmax", "a1", "r1"), *last], weights), "comes after softmax"],
    ]
    import onnx

    onnx.save(onnx.load(folder / "keras.onnx"), folder / "elsewhere.onnx", save_as_external_data=True, size_threshold=0)
    files.append(["elsewhere.onnx", ""])
    outputs = {}
    options = onnxruntime.SessionOptions()
    # Errors alone: one graph has constants that it does not use.
    options.log_severity_level = 3
    for file, _ in files:
        session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
        (described,) = session.get_inputs()
        shape = [8, *described.shape[1:]]
        outputs[file] = session.run(None, {described.name: inputs.reshape(shape)})[0].tolist()
    return {"files": files, "refused": refused, "inputs": inputs.tolist(), "outputs": outputs}


COMMANDS = {"save": save, "logits": logits, "resave": resave, "forms": forms, "graphs": graphs, "normalized": normalized}
