"""Writes a data set of any size, for docs/data.md: `large.py FOLDER [ROWS]`.

The training part has ROWS samples (two million by default) of 784 bytes, the test part 10,000; both are NumPy's arrays. A sample is its
class's pattern with noise, so a network can learn it. The bytes are a function of the seed and of ROWS.
"""

import sys
from pathlib import Path

import numpy

SEED, FEATURES, CLASSES, TOGETHER = 7, 784, 10, 10_000


def write(folder, part, rows, generator, patterns):
    labels = generator.integers(0, CLASSES, rows, dtype=numpy.uint8)
    samples = numpy.lib.format.open_memmap(folder / f"x_{part}.npy", mode="w+", dtype=numpy.uint8, shape=(rows, FEATURES))
    for start in range(0, rows, TOGETHER):
        some = labels[start : start + TOGETHER]
        noise = generator.integers(0, 128, (len(some), FEATURES), dtype=numpy.uint8)
        samples[start : start + len(some)] = patterns[some] + noise
    samples.flush()
    numpy.save(folder / f"y_{part}.npy", labels)


folder, rows = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
folder.mkdir(parents=True, exist_ok=True)
generator = numpy.random.Generator(numpy.random.PCG64(SEED))
patterns = generator.integers(0, 128, (CLASSES, FEATURES), dtype=numpy.uint8)
write(folder, "train", rows, generator, patterns)
write(folder, "test", 10_000, generator, patterns)
