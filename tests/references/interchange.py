"""PyTorch, NumPy and ONNX Runtime on Selvedge's files. Each command prints one JSON object.

    python interchange.py save IN.safetensors OUT.pth    # torch.save of its state dict
    python interchange.py logits FILE TEST.npz           # what the other program makes of FILE
    python interchange.py resave IN.npz OUT.npz          # NumPy's own copy, compressed

TEST.npz has `input` ([images, 784] float32, pixel / 255) and `logits`, Selvedge's own. FILE is .safetensors or .npz (loaded
into PyTorch's module by load_state_dict, strict) or .onnx (run by ONNX Runtime).
"""

import json
import pathlib
import sys

import numpy as np

from generate import NeuralNetwork


def by_pytorch(path, inputs):
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".npz":
        with np.load(path) as arrays:
            state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    else:
        state = load_file(path)
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


def logits(path, test):
    with np.load(test) as arrays:
        inputs, expected = arrays["input"], arrays["logits"]
    found = by_onnx_runtime(path, inputs) if path.suffix == ".onnx" else by_pytorch(path, inputs)
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    return {
        "images": len(inputs),
        "equal_argmax": int((found.argmax(1) == expected.argmax(1)).sum()),
        "max_difference": float(difference.max()),
        "largest_logit": float(np.abs(expected).max()),
    }


def save(source, target):
    import torch
    from safetensors.torch import load_file

    state = load_file(source)
    torch.save(state, target)
    return {"tensors": len(state)}


def resave(source, target):
    with np.load(source) as arrays:
        copies = {name: arrays[name].copy() for name in arrays.files}
    np.savez_compressed(target, **copies)
    return {name: [str(array.dtype), list(array.shape)] for name, array in copies.items()}


if __name__ == "__main__":
    command, *paths = sys.argv[1:]
    print(json.dumps({"save": save, "logits": logits, "resave": resave}[command](*map(pathlib.Path, paths))))
