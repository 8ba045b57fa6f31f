"""PyTorch, NumPy and ONNX Runtime on Selvedge's files. Each command prints one JSON object.

    python interchange.py save IN.safetensors OUT.pth             # torch.save of its state dict
    python interchange.py save IN.safetensors OUT.pth LAYERS      # of the nn.Sequential of these layers that loaded it
    python interchange.py logits FILE TEST.npz [LAYERS]           # what the other program makes of FILE
    python interchange.py resave IN.npz OUT.npz                   # NumPy's own copy, compressed
    python interchange.py forms FOLDER                            # one network as other programs name and wrap it

TEST.npz has `input` ([images, 784] float32, pixel / 255) and `logits`, Selvedge's own. FILE is .safetensors or .npz (loaded
into PyTorch's module by load_state_dict, strict) or .onnx (run by ONNX Runtime). LAYERS are those of PyTorch's module, such as
'784 => 256 BatchNorm1d Relu Dropout => 10'; without them they are linear layers of FILE's widths with ReLU between.
"""

import json
import pathlib
import sys

import numpy as np

from generate import NeuralNetwork


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
    assert (described.name, described.shape, described.type) == ("input", ["batch", 784], "tensor(float)"), described
    (logits,) = session.run(["logits"], {"input": inputs})
    return logits


def logits(path, test, layers=None):
    path, test = map(pathlib.Path, (path, test))
    with np.load(test) as arrays:
        inputs, expected = arrays["input"], arrays["logits"]
    found = by_onnx_runtime(path, inputs) if path.suffix == ".onnx" else by_pytorch(path, inputs, layers)
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return {
        "images": len(inputs),
        "equal_argmax": int((found.argmax(1) == expected.argmax(1)).sum()),
        "max_difference": float(difference.max()),
        "largest_logit": float(np.abs(expected).max()),
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


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    print(json.dumps({"save": save, "logits": logits, "resave": resave, "forms": forms}[command](*arguments)))
