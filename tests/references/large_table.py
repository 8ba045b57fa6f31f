"""Writes a table of any size, for docs/data.md: `large_table.py FILE [ROWS]`.

It has ROWS rows (two million by default) of 196 numbers from 0 to 0.999 and a class, a or b. A row is four pieces of 49 cells, each one of its
class's 4,096. The text is a function of the seed and of ROWS.
"""

import random
import sys

SEED, FEATURES, PIECES, TOGETHER = 7, 196, 4096, 1000

path, rows = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
generator = random.Random(SEED)


def piece(label):
    cells = (generator.gauss(0.5 + 0.05 * label, 0.15) for _ in range(FEATURES // 4))
    return ",".join(f"{min(max(cell, 0), 0.999):.3f}" for cell in cells)


pieces = [[piece(label) for _ in range(PIECES)] for label in range(2)]


def row():
    label = generator.getrandbits(1)
    return ",".join(pieces[label][generator.getrandbits(12)] for _ in range(4)) + f",{'ab'[label]}\n"


with open(path, "w") as file:
    file.write(",".join(f"f{feature}" for feature in range(FEATURES)) + ",label\n")
    for start in range(0, rows, TOGETHER):
        file.write("".join(row() for _ in range(min(TOGETHER, rows - start))))
