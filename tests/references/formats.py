"""A second reader of Selvedge's files and frames, after docs/formats.md. It needs Python 3 alone.

    python formats.py FILE...    # a line of JSON for each file: its content, or {"error": …}
    python formats.py -          # the same for each line of standard input: a file's bytes, or a frame's, in hexadecimal

A file is known by its first eight bytes; bytes that begin otherwise are a frame without its end, read as a request and as a response.
"""

import hashlib
import json
import math
import re
import struct
import sys
import unicodedata
import zlib

KINDS = ["Linear", "Relu", "Tanh", "Sigmoid", "LeakyRelu", "Gelu", "BatchNorm1d", "Dropout", "LogSoftmax"]
ACTIVATIONS = {"Relu", "Tanh", "Sigmoid", "LeakyRelu"}
MAX_LAYERS = 64
MAX_WIDTH = 65_536
COLUMNS = 64

# The white space of Unicode, the characters of an arrow, and the tokens of a text that names layers.
SPACES = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
ARROWS = r"=>\-~→⇒"
TOKENS = re.compile(f"[{SPACES}]+|(,|[{ARROWS}]+|[^,{SPACES}{ARROWS}]+)")
WIDTH = re.compile(r"\+?0*([0-9]{1,5})")


class Refused(Exception):
    """The bytes are not what the format allows."""


def require(is_so, why):
    if not is_so:
        raise Refused(why)


class Reader:
    """Takes postcard values from the front of bytes. In a file each has the one encoding that a writer gives it."""

    def __init__(self, data, is_file=True):
        self.data = data
        self.is_file = is_file

    def take(self, count):
        require(count <= len(self.data), "it ends early")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def byte(self):
        return self.take(1)[0]

    def varint(self, bits):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            require(shift < bits, "a number has too many bytes")
        require(value < 1 << bits, "a number is too large")
        require(byte != 0 or shift == 7 or not self.is_file, "a number has a byte too many")
        return value

    def u16(self):
        return self.varint(16)

    def u32(self):
        return self.varint(32)

    def u64(self):
        return self.varint(64)

    def f32(self):
        return struct.unpack("<f", self.take(4))[0]

    def bool(self):
        byte = self.byte()
        require(byte < 2, "a truth value is neither 0 nor 1")
        return byte == 1

    def bytes(self):
        return self.take(self.varint(64))

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError as error:
            raise Refused("a text is not UTF-8") from error

    def option(self, take):
        return take() if self.bool() else None

    def end(self):
        require(not self.data, "there are bytes after the end")


def is_printable(text, but=""):
    return all(unicodedata.category(character) != "Cc" or character in but for character in text)


def is_part(number):
    return 0.0 <= number <= 1.0


# Weight files and quantised files.


def envelope(data, versions):
    """Version and body of a file whose magic is known."""
    require(len(data) >= 18, "it is shorter than any file")
    version, length = struct.unpack_from("<HI", data, 8)
    require(version in versions, f"version {version} is not known")
    require(length == len(data), "its length is not the one that it states")
    require(struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4]), "its checksum is not that of its bytes")
    return version, Reader(data[14:-4])


NO_SIGNATURE = {
    "input": None, "preparation": None, "task": None, "classes": [], "features": [], "units": [], "output_units": [],
}
ELEMENTS = [("u8", "B", (0, 255)), ("i8", "b", (-128, 127)), ("i16", "h", (-32768, 32767)), ("u16", "H", (0, 65535)), ("f32", "f", None)]


def signature(reader, ends, is_integers):
    """The numbered fields that say what inputs and outputs mean."""
    inputs, outputs = ends
    fields, before = {**NO_SIGNATURE}, 0
    lists = {3: ("classes", outputs), 5: ("features", inputs), 7: ("units", inputs), 9: ("output_units", outputs)}
    for _ in range(reader.byte()):
        number, field = reader.byte(), Reader(reader.bytes())
        require(number > before, "fields are not in ascending order")
        before = number
        if number == 1:
            require(len(field.data) in (4, 12), "a shape has one size or three")
            sizes = list(struct.unpack(f"<{len(field.data) // 4}I", field.data))
            features = 1
            for size in sizes:
                features *= size
            require(features == inputs, "the shape is not that of the inputs")
            fields["input"] = sizes
        elif number == 2:
            fields["preparation"] = preparation(field.data, inputs, is_integers)
        elif number == 4:
            fields["task"] = task(field.data, outputs)
        elif number in lists:
            name, count = lists[number]
            fields[name] = names(field)
            require(len(fields[name]) in (0, count), "there are not as many names as there should be")
        else:
            require(number % 2 == 1, f"field {number} must be understood")
    return fields


def task(data, outputs):
    """The meaning of the outputs."""
    require(data[:1] in (b"\1", b"\2"), "there is no such task")
    table = data[1:]
    if data[0] == 1:
        require(not table, "labels have no scale")
        return {"kind": "multi-label", "table": ""}
    require(len(table) == 8 * outputs, "there is not one scale for each target")
    for scale, shift in struct.iter_unpack("<ff", table):
        require(math.isfinite(scale) and math.isfinite(shift) and scale > 0.0, "a scale is none")
    return {"kind": "regression", "table": table.hex()}


def names(field):
    found = []
    while field.data:
        name = field.take(field.byte())
        try:
            name = name.decode()
        except UnicodeDecodeError as error:
            raise Refused("a name is not UTF-8") from error
        require(1 <= len(name.encode()) <= 100 and is_printable(name), "a name is none")
        found.append(name)
    return found


def rounded(number):
    """The nearest number of 32 bits."""
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)


def preparation(data, inputs, is_integers):
    """How raw values become inputs."""
    require(len(data) >= 2 and data[1] < len(ELEMENTS), "there is no such element")
    require(data[0] == (1 if is_integers else 0), "a network of this kind is not prepared so")
    (element, letter, limits), table = ELEMENTS[data[1]], data[2:]
    if not is_integers:
        require(len(table) in (8, 8 * inputs), "there is not one scale for all, or one for each")
        require(all(math.isfinite(number) for (number,) in struct.iter_unpack("<f", table)), "a scale is not finite")
        return {"element": element, "table": table.hex()}
    require(len(table) == (0 if struct.calcsize(letter) == 1 else 12 * inputs), "there is not one range for each input")
    for low, high, factor in struct.iter_unpack("<iiI" if limits else "<fff", table):
        if limits:
            require(limits[0] <= low <= high <= limits[1], "a range is none")
            require((high - low) * factor + 0x8000 < 256 << 16, "a code is above 255")
        else:
            length = rounded(high - low)
            require(all(map(math.isfinite, (low, high, factor, length))), "a range is not finite")
            require(low <= high and factor >= 0.0, "a range is none")
            require(rounded(rounded(length * factor) + 0.5) < 256.0, "a code is above 255")
    return {"element": element, "table": table.hex()}


def codes(prepared, sample):
    """The bytes that a network of integers takes for a sample's bytes."""
    if prepared is None:
        return list(sample)
    letter, limits = next((letter, limits) for name, letter, limits in ELEMENTS if name == prepared["element"])
    values = [value for (value,) in struct.iter_unpack(f"<{letter}", sample)]
    if struct.calcsize(letter) == 1:
        return [value - limits[0] for value in values]
    found, table = [], bytes.fromhex(prepared["table"])
    for value, (low, high, factor) in zip(values, struct.iter_unpack("<iiI" if limits else "<fff", table)):
        value = high if value > high else value
        value = value if value > low else low
        if limits:
            found.append(((value - low) * factor + 0x8000) >> 16)
        else:
            found.append(int(rounded(rounded(rounded(value - low) * factor) + 0.5)))
    return found


def padded(reader, length, file_length):
    """The padding and the weights, with which a body ends."""
    padding = reader.bytes()
    weights = reader.bytes()
    require(len(weights) == length, "there are not as many weights as the layers have")
    reader.end()
    require(len(padding) < 4 and not any(padding), "the padding is not up to three zeros")
    require((file_length - 4 - length) % 4 == 0, "the weights do not start at a multiple of 4")
    return weights


def layer(reader):
    kind = reader.byte()
    require(kind < len(KINDS) and KINDS[kind] != "Dropout", f"layer kind {kind} is not known")
    widths = (reader.u32(), reader.u32()) if kind == 0 else (reader.u32(),) * 2
    return KINDS[kind], widths


def tensors(layers):
    """PyTorch's names and shapes, in flat order."""
    for place, (kind, (inputs, outputs)) in enumerate(layers):
        shapes = {
            "Linear": [("weight", [outputs, inputs]), ("bias", [outputs])],
            "BatchNorm1d": [(name, [outputs]) for name in ("weight", "bias", "running_mean", "running_var")],
        }
        for name, shape in shapes.get(kind, []):
            yield f"linear_relu_stack.{place}.{name}", shape


def chain(layers):
    """Checks that layers make a network; returns its inputs and outputs."""
    require(layers, "there are no layers")
    before = None
    for kind, (inputs, outputs) in layers:
        require(before is not None or kind == "Linear", "the first layer is not linear")
        require(1 <= inputs <= MAX_WIDTH and 1 <= outputs <= MAX_WIDTH, "a layer has a width that none has")
        require(before is None or before[1][1] == inputs, "a layer does not follow from the one before it")
        if kind in ACTIVATIONS:
            require(before is not None and before[0] in ("Linear", "BatchNorm1d"), "an activation has another place")
        before = kind, (inputs, outputs)
    return layers[0][1][0], layers[-1][1][1]


def weight_file(data):
    version, reader = envelope(data, (2, 3))
    count = reader.byte()
    require(count <= MAX_LAYERS, "there are too many layers")
    layers = [layer(reader) for _ in range(count)]
    ends = chain(layers)
    expected = list(tensors(layers))
    found = reader.u32()
    for index in range(found):
        require(index < len(expected), "there are more tensors than the layers have")
        name, shape = reader.text(), [reader.u32() for _ in range(reader.varint(64))]
        require((name, shape) == expected[index], f"tensor {index} is not the layers'")
    require(found == len(expected), "there are fewer tensors than the layers have")
    record = {
        "seed": reader.u64(),
        "dataset": reader.text(),
        "dataset_checksum": reader.take(32).hex(),
        "samples": reader.u32(),
        "shuffled": reader.bool(),
        "epochs": reader.u32(),
        "steps": reader.u64(),
        "batch_size": reader.u32(),
        "learning_rate": reader.f32(),
        "accuracy": reader.f32(),
        "recipe": reader.text(),
    }
    require(0.0 <= record["learning_rate"] < float("inf") and is_part(record["accuracy"]), "a number is out of its range")
    require(is_printable(record["dataset"]) and is_printable(record["recipe"], "\n"), "a text cannot be printed")
    fields = signature(reader, ends, False) if version >= 3 else NO_SIGNATURE
    numbers = 0
    for _, shape in expected:
        numbers += shape[0] * (shape[1] if len(shape) == 2 else 1)
    weights = padded(reader, 4 * numbers, len(data))
    return {
        "format": "f32",
        "version": version,
        "layers": [[kind, *widths] for kind, widths in layers],
        **fields,
        "record": record,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }


def check_sums(rows, biases, multipliers, limit):
    require(all(abs(bias) < 1 << 30 for bias in biases), "a bias is out of its range")
    require(all(multiplier >= 0 for multiplier in multipliers), "a multiplier is below 0")
    for row in rows:
        for sign in (1, -1):
            total = sum(sign * weight for weight in row if sign * weight > 0)
            require(total < -(-limit // 255), "a sum could overflow")


def int8_rows(part, inputs):
    rows = [[] for _ in range(8)]
    for pair in range(-(-inputs // 2)):
        for j in range(4):
            for half in struct.unpack_from("<2h", part, 16 * pair + 4 * j):
                lower = (half & 0xFF) - 256 * (half >> 7 & 1)
                # A lower weight below 0 has taken 1 from the upper byte.
                rows[2 * j].append(lower)
                rows[2 * j + 1].append((half >> 8) + (half >> 7 & 1))
    return rows


def int4_bytes(inputs):
    whole, rest = divmod(inputs, COLUMNS)
    return whole * (8 + 8 * COLUMNS // 2) + (8 + 8 * -(-rest // 2) if rest else 0)


def int4_rows(part, inputs):
    rows = [[] for _ in range(8)]
    for first in range(0, inputs, COLUMNS):
        columns = min(COLUMNS, inputs - first)
        scales, part = part[:8], part[8:]
        for _ in range(-(-columns // 2)):
            words, part = struct.unpack("<4h", part[:8]), part[8:]
            for j, half in enumerate(words):
                # Two halves, of neighbouring columns, for each of two words of four rows.
                for digit in range(4):
                    weight = (half >> 12) if digit == 3 else (half >> 4 * digit & 15) - 8
                    row = j // 2 * 4 + digit
                    rows[row].append(scales[row] * weight)
    return rows


def int8_bytes(inputs):
    return 16 * -(-inputs // 2)


def integers(weights, widths, prepared, bytes_of, rows_of, limit):
    """The last layer's sums for a sample of the bytes 0, 7, 14 and so on, modulo 256. No block may hold what could overflow."""
    letters = {name: letter for name, letter, _ in ELEMENTS}
    size = struct.calcsize(letters[prepared["element"]]) if prepared else 1
    values = codes(prepared, bytes(7 * place % 256 for place in range(size * widths[0])))
    for inputs, outputs in zip(widths, widths[1:]):
        sums, size = [], 64 + bytes_of(inputs)
        for _ in range(-(-outputs // 8)):
            block, weights = weights[:size], weights[size:]
            vectors, rows = struct.unpack_from("<16i", block), rows_of(block[64:], inputs)
            check_sums(rows, vectors[:8], vectors[8:], limit)
            for row, bias, multiplier in zip(rows, vectors[:8], vectors[8:]):
                total = bias + sum(weight * value for weight, value in zip(row, values))
                sums.append((total * multiplier + (1 << 31)) >> 32)
        sums = sums[:outputs]
        values = [min(max(total, 0), 255) for total in sums]
    return sums


def quantized_file(data, name):
    version, reader = envelope(data, (1, 2))
    raw = reader.bytes()
    require(len(raw) % 4 == 0, "the widths are not whole")
    widths = list(struct.unpack(f"<{len(raw) // 4}I", raw))
    require(2 <= len(widths) <= MAX_LAYERS // 2 + 1, "there are not as many widths as a network has")
    require(all(1 <= width <= MAX_WIDTH for width in widths), "a layer has a width that none has")
    record = {
        "source": reader.bytes().hex(),
        "logit_scale": reader.f32(),
        "float_accuracy": reader.f32(),
        "accuracy": reader.f32(),
        "method": reader.bytes(),
    }
    require(len(record["source"]) == 64 and 0.0 < record["logit_scale"] <= 2.0**96, "a value is out of its range")
    require(is_part(record["float_accuracy"]) and is_part(record["accuracy"]), "an accuracy is out of its range")
    require(all(32 <= byte <= 126 for byte in record["method"]), "the method is not printable ASCII")
    record["method"] = record["method"].decode()
    ends = (widths[0], widths[-1])
    fields = signature(reader, ends, name != "f16") if version >= 2 else NO_SIGNATURE
    pairs = list(zip(widths, widths[1:]))
    of_pair = {
        "int8": lambda inputs, outputs: -(-outputs // 8) * (64 + int8_bytes(inputs)),
        "int4": lambda inputs, outputs: -(-outputs // 8) * (64 + int4_bytes(inputs)),
        "f16": lambda inputs, outputs: outputs * (4 + -(-inputs // 2) * 4),
    }[name]
    weights = padded(reader, sum(of_pair(*pair) for pair in pairs), len(data))
    sums = None
    if name == "int8":
        sums = integers(weights, widths, fields["preparation"], int8_bytes, int8_rows, 1 << 23)
    elif name == "int4":
        sums = integers(weights, widths, fields["preparation"], int4_bytes, int4_rows, 1 << 30)
    return {
        "format": name,
        "version": version,
        "widths": widths,
        **fields,
        "record": record,
        "sums": sums,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }


# Checkpoints.


def network(text):
    """The layers that a text names, dropout included."""
    tokens = [token for token in TOKENS.findall(text) if token][::-1]
    by_widths = "," in tokens

    def width():
        found = WIDTH.fullmatch(tokens.pop()) if tokens else None
        require(found, "a width is missing")
        return int(found[1])

    inputs, layers = width(), []
    while tokens:
        require(tokens.pop() == ("," if by_widths else "=>"), "neither a layer nor what stands between two")
        outputs = width()
        if by_widths and layers:
            layers.append(("Relu", (inputs, inputs)))
        layers.append(("Linear", (inputs, outputs)))
        while not by_widths and tokens and re.match(f"[^{ARROWS}0-9]", tokens[-1]):
            require(tokens[-1] in KINDS[1:], "there is no such layer")
            layers.append((tokens.pop(), (outputs, outputs)))
        inputs = outputs
    require(len(layers) <= MAX_LAYERS, "there are too many layers")
    chain(layers)
    return [[kind, *widths] for kind, widths in layers]


def checkpoint(data):
    require(len(data) >= 48, "it is shorter than any checkpoint")
    require(struct.unpack_from("<Q", data, 8)[0] == len(data), "its length is not the one that it states")
    require(hashlib.sha256(data[:-32]).digest() == data[-32:], "its checksum is not that of its bytes")
    reader = Reader(data[16:-32])
    version = reader.u16()
    require(version == 1, f"version {version} is not known")
    description = {"recipe": reader.text(), "layers": reader.text(), "dataset": reader.text(), "samples": reader.u32()}
    description["dataset_checksum"] = reader.take(32).hex()
    description["progress"] = {
        "epochs": reader.u32(),
        "seen": reader.u64(),
        "steps": reader.u64(),
        "batches": reader.u64(),
        "best_loss": reader.option(lambda: reader.take(8).hex()),
        "epochs_since_best": reader.u32(),
    }
    require(len(reader.data) % 4 == 0, "the numbers are not whole")
    numbers = {"numbers": len(reader.data) // 4, "numbers_sha256": hashlib.sha256(reader.data).hexdigest()}
    layers = attempt(network, description["layers"])
    return {"format": "checkpoint", "version": version, **description, "network": layers, **numbers}


# Frames.


def unstuffed(frame):
    data = b""
    while frame:
        code, frame = frame[0], frame[1:]
        require(code - 1 <= len(frame), "the stuffing ends early")
        data, frame = data + frame[: code - 1], frame[code - 1 :]
        if code < 255 and frame:
            data += b"\0"
    return data


def shape(reader):
    kind = reader.byte()
    require(kind < 2, "the shape is not known")
    return [reader.u32() for _ in range(1 if kind == 0 else 3)]


def logits(reader):
    kind = reader.byte()
    require(kind < 2, "the logits are not known")
    words = reader.bytes()
    require(len(words) % 4 == 0, "the logits are not whole")
    if kind == 0:
        return {"float32": words.hex()}
    return {"int32": list(struct.unpack(f"<{len(words) // 4}i", words)), "scale": reader.take(4).hex()}


def one_of(reader, takers):
    number = reader.byte()
    require(number < len(takers), f"message {number} is not known")
    name, take = takers[number]
    return {name: take()}


def request(reader):
    return one_of(
        reader,
        [
            ("info", dict),
            ("predict", lambda: {"input": reader.bytes().hex()}),
            ("evaluate", lambda: {"input": reader.bytes().hex(), "label": reader.u16()}),
            ("statistics", dict),
            ("reset", dict),
            ("output", lambda: {"output": reader.u16()}),
        ],
    )


def element(reader):
    number = reader.byte()
    require(number < len(ELEMENTS), "the element is not known")
    return ELEMENTS[number][0]


def task_kind(reader):
    number = reader.byte()
    require(number < 3, "the task is not known")
    return ["classification", "multi-label", "regression"][number]


def output(reader):
    return {"name": reader.text(), "unit": reader.text(), "scale": reader.take(4).hex(), "shift": reader.take(4).hex()}


def info(reader):
    board, layers, number = reader.text(), reader.text(), reader.byte()
    require(number < 4, "the format is not known")
    return {
        "board": board,
        "layers": layers,
        "format": ["f32", "int8", "int4", "f16"][number],
        "input": shape(reader),
        "element": element(reader),
        "outputs": reader.u32(),
        "task": task_kind(reader),
        "flash": reader.u32(),
        "ram": reader.u32(),
        "unit": reader.text(),
    }


def prediction(reader):
    number, count = reader.u16(), reader.varint(64)
    require(count <= 3, "there are more than three candidates")
    return {
        "class": number,
        "top": [{"class": reader.u16(), "probability": reader.take(4).hex()} for _ in range(count)],
        "instructions": reader.u64(),
        "logits": logits(reader),
    }


def error(reader):
    return one_of(
        reader,
        [
            ("malformed", dict),
            ("checksum", dict),
            ("too_long", dict),
            ("version", lambda: {"found": reader.byte()}),
            ("input_size", lambda: {"expected": reader.u32(), "found": reader.u32()}),
            ("output", lambda: {"found": reader.u16(), "outputs": reader.u32()}),
            ("no_classes", dict),
        ],
    )


def response(reader):
    names = ["samples", "right", "total", "min", "max"]
    takes = [reader.u32, reader.u32, reader.u64, reader.u64, reader.u64]
    return one_of(
        reader,
        [
            ("info", lambda: info(reader)),
            ("prediction", lambda: prediction(reader)),
            ("statistics", lambda: {name: take() for name, take in zip(names, takes)}),
            ("error", lambda: error(reader)),
            ("output", lambda: output(reader)),
        ],
    )


def frame(data, message):
    content = unstuffed(data)
    require(len(content) >= 5, "it is shorter than any frame")
    checked = content[:-4]
    require(struct.unpack("<I", content[-4:])[0] == zlib.crc32(checked), "its checksum is not that of its bytes")
    require(checked[0] == 4, f"version {checked[0]} is not known")
    reader = Reader(checked[1:], is_file=False)
    found = message(reader)
    reader.end()
    return found


def attempt(read, *arguments):
    try:
        return read(*arguments)
    except Refused as refusal:
        return {"error": str(refusal)}


def read(data):
    quantized = {b"SELVINT8": "int8", b"SELVINT4": "int4", b"SELVFP16": "f16"}
    magic = bytes(data[:8])
    if magic == b"SELVEDGE":
        return attempt(weight_file, data)
    if magic in quantized:
        return attempt(quantized_file, data, quantized[magic])
    if magic == b"SELVCKPT":
        return attempt(checkpoint, data)
    return {"request": attempt(frame, data, request), "response": attempt(frame, data, response)}


def main():
    if sys.argv[1:] == ["-"]:
        everything = (bytes.fromhex(line) for line in sys.stdin)
    else:
        everything = (open(path, "rb").read() for path in sys.argv[1:])
    for data in everything:
        print(json.dumps(read(data)))


if __name__ == "__main__":
    main()
