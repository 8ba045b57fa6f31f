"""Makes tests/data/tasks.json: a run of PyTorch for each task, and scikit-learn's metrics of what it learned.

    venv/bin/pip install scikit-learn        # beside the Python environment of generate.py
    venv/bin/python tests/references/tasks.py

One network, 6-16-12 with tanh and as many outputs as the task has, learns from the same samples for 200 steps of SGD with momentum: classes by
`CrossEntropyLoss`, labels by `BCEWithLogitsLoss`, standardised numbers by `MSELoss`. Each run is done in float32 and in float64, from the same
float32 weights. The metrics are those of the float64 run on test samples.
"""

import math

import numpy as np
import sklearn
import torch
from sklearn import metrics
from torch import nn

from generate import decimals, write

FEATURES, TRAIN, TEST, BATCH, STEPS = 6, 320, 150, 32, 200


def network(outputs):
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, outputs))


def train(outputs, initial, x, y, loss, dtype):
    """The losses of all steps, and the trained network."""
    model = network(outputs)
    model.load_state_dict(initial)
    model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for step in range(STEPS):
        first = step * BATCH % TRAIN
        batch = slice(first, first + BATCH)
        target = y[batch] if y.dtype == torch.int64 else y[batch].to(dtype)
        value = loss(model(x[batch].to(dtype)), target)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses, model


def run(name, x, y, outputs, loss, judge, generator_seed, scale=None):
    torch.manual_seed(generator_seed)
    initial = network(outputs).state_dict()
    flat = torch.cat([value.flatten() for value in initial.values()])
    learned = y if scale is None else (y - scale[1]) / scale[0]
    float32, _ = train(outputs, initial, x, learned, loss, torch.float32)
    float64, model = train(outputs, initial, x, learned, loss, torch.float64)
    with torch.no_grad():
        logits = model(x[TRAIN:].double())
        test_loss = loss(logits, learned[TRAIN:] if y.dtype == torch.int64 else learned[TRAIN:].double()).item()
        if scale is not None:
            logits = logits * scale[0].double() + scale[1].double()
    print(name, "float32 is at most", max(abs(a - b) for a, b in zip(float32, float64)), "away; test loss", test_loss)
    return {
        "outputs": outputs,
        "targets": y.tolist() if y.dtype == torch.int64 else decimals(y),
        "initial": decimals(flat),
        "losses": float32,
        "losses_float64": float64,
        "test_loss": test_loss,
        "metrics": judge(y[TRAIN:].numpy(), logits.numpy()),
    }


def judge_classes(y, logits):
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = logits.argmax(axis=1)
    return {
        "accuracy": metrics.accuracy_score(y, found),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, found),
        "f1": metrics.f1_score(y, found, average="macro"),
        "roc_auc": metrics.roc_auc_score(y, probabilities, multi_class="ovr", average=None).tolist(),
    }


def judge_labels(y, logits):
    y, found = y.astype(int), (logits > 0.0).astype(int)
    return {
        "accuracy": 1.0 - metrics.hamming_loss(y, found),
        "exact": metrics.accuracy_score(y, found),
        "balanced_accuracy": float(np.mean([metrics.balanced_accuracy_score(a, b) for a, b in zip(y.T, found.T)])),
        "f1": metrics.f1_score(y, found, average="macro"),
        "roc_auc": metrics.roc_auc_score(y, logits, average=None).tolist(),
    }


def judge_values(y, values):
    each = {"multioutput": "raw_values"}
    return {
        "mae": metrics.mean_absolute_error(y, values, **each).tolist(),
        "rmse": metrics.root_mean_squared_error(y, values, **each).tolist(),
        "r2": metrics.r2_score(y, values, **each).tolist(),
    }


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(11)
    x = torch.randn(TRAIN + TEST, FEATURES, generator=generator)
    noise = torch.randn(TRAIN + TEST, 4, generator=generator)
    classes = torch.stack([x[:, 0] * 2, x[:, 1] + x[:, 2] - 0.5, x[:, 3] * x[:, 4] - 1], dim=1) + 0.5 * noise[:, :3]
    labels = torch.stack([x[:, 0] + x[:, 1], x[:, 2] * x[:, 3], x[:, 4] - 1.2, x[:, 5].abs() - 0.7], dim=1) + 0.3 * noise
    values = torch.stack([20 + 3 * torch.sin(x[:, 0]) + x[:, 1] * x[:, 2], 1000 - 400 * x[:, 3]], dim=1) + noise[:, :2]
    numbers = values[:TRAIN].double()
    # The deviation of the whole, as the mean of squares.
    scale = (numbers.std(dim=0, correction=0).float(), numbers.mean(dim=0).float())
    result = {
        "made_with": f"tests/references/tasks.py, PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}, CPU",
        "train": TRAIN,
        "samples": decimals(x),
        "classification": run("classes", x, classes.argmax(dim=1), 3, nn.CrossEntropyLoss(), judge_classes, 1),
        "multi_label": run("labels", x, (labels > 0).float(), 4, nn.BCEWithLogitsLoss(), judge_labels, 2),
        "regression": run("values", x, values, 2, nn.MSELoss(), judge_values, 3, scale),
    }
    assert all(math.isfinite(loss) for loss in result["regression"]["losses"])
    write("tasks.json", result)


if __name__ == "__main__":
    main()
