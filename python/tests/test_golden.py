"""The golden frames that the TypeScript tests read too."""

import json
import math
import os
import struct
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "src"))

# E402: the line above must come first, so that the sources beside these tests are what is imported.
from procguard import Array, array  # noqa: E402
from procguard.decode import decode  # noqa: E402
from procguard.encode import Encoder  # noqa: E402
from procguard.errors import ProtocolError  # noqa: E402
from procguard.frames import FrameReader, split_parts  # noqa: E402

FIXTURE = os.path.join(HERE, "..", "..", "test", "fixtures", "protocol", "frames.json")
FORMATS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
    "c8": "f",
    "c16": "d",
}


def read_frames(data):
    """All frames of these bytes, as a worker reads them from its descriptor."""
    reader, writer = os.pipe()
    try:
        os.write(writer, data)
        os.close(writer)
        frames = FrameReader(reader)
        found = []
        while True:
            frame = frames.next() or frames.next_large()
            if frame is not None:
                found.append(frame)
            elif not frames.fill():
                if frames.buffer:
                    raise ProtocolError("truncated", "the stream ends in a frame")
                return found
    finally:
        os.close(reader)


def numbers_of(value):
    kind = value.dtype[1:]
    count = math.prod(value.shape) * (2 if kind[0] == "c" else 1)
    order = "<" if value.dtype[0] == "|" else value.dtype[0]
    numbers = list(struct.unpack(f"{order}{count}{FORMATS[kind]}", bytes(value.data)))
    if kind[0] == "c":
        return [list(pair) for pair in zip(numbers[::2], numbers[1::2])]
    if kind in ("i8", "u8"):
        return [str(number) for number in numbers]
    return [named(number) for number in numbers]


def named(number):
    if isinstance(number, float) and not math.isfinite(number):
        return "nan" if number != number else "inf" if number > 0 else "-inf"
    return number


def meaning_of(value):
    """The value as the fixture describes it, every member spelt out."""
    if isinstance(value, bytes):
        return {"is": "bytes", "hex": value.hex()}
    if isinstance(value, Array):
        return {
            "is": "array",
            "dtype": value.dtype[1:],
            "shape": list(value.shape),
            "numbers": numbers_of(value),
        }
    if isinstance(value, list):
        return {"is": "list", "items": [meaning_of(item) for item in value]}
    if isinstance(value, dict):
        return {"is": "object", "members": {key: meaning_of(item) for key, item in value.items()}}
    if isinstance(value, float) and not math.isfinite(value):
        return {"is": "number", "name": named(value)}
    return {"is": "plain", "value": value}


def spelt_out(meaning):
    if meaning["is"] == "plain":
        return meaning_of(meaning["value"])
    if meaning["is"] == "list":
        return {"is": "list", "items": [spelt_out(item) for item in meaning["items"]]}
    if meaning["is"] == "object":
        return {"is": "object", "members": {key: spelt_out(item) for key, item in meaning["members"].items()}}
    return meaning


class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(FIXTURE, encoding="utf-8") as file:
            cls.fixture = json.load(file)

    def setUp(self):
        self.addCleanup(setattr, array, "numpy_module", array.numpy_module)
        array.numpy_module = None

    def test_each_frame_means_its_header_and_parts(self):
        for entry in self.fixture["frames"]:
            with self.subTest(entry["name"]):
                ((header, body),) = read_frames(bytes.fromhex(entry["hex"]))
                self.assertEqual(header, entry["header"])
                self.assertEqual([part.hex() for part in split_parts(header, body)], entry["parts"])

    def test_each_broken_frame_causes_its_error(self):
        for entry in self.fixture["errors"]:
            with self.subTest(entry["name"]), self.assertRaises(ProtocolError) as caught:
                for header, body in read_frames(bytes.fromhex(entry["hex"])):
                    if header.get("marked") is True:
                        decode(header["value"], split_parts(header, body))
            self.assertEqual(caught.exception.code, entry["code"], entry["name"])

    def test_each_value_means_what_is_said(self):
        for entry in self.fixture["values"]:
            with self.subTest(entry["name"]):
                value = decode(entry["value"], [bytes.fromhex(part) for part in entry["parts"]])
                self.assertEqual(meaning_of(value), spelt_out(entry["meaning"]))

    def test_each_value_survives_the_way_back(self):
        for entry in self.fixture["values"]:
            with self.subTest(entry["name"]):
                value = decode(entry["value"], [bytes.fromhex(part) for part in entry["parts"]])
                text, parts = Encoder().encode(value)
                again = decode(json.loads(text), [bytes(part) for part in parts])
                self.assertEqual(meaning_of(again), meaning_of(value))


if __name__ == "__main__":
    unittest.main()
