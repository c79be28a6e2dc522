"""Writes the sample input in `examples/buckets` and `examples/tables`: support tickets for Gemini to sort, in Vertex's
row format.

The files are committed; run `python examples/make_rows.py` after a change here. Every run writes the same rows.
"""

import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BUCKETS = Path(__file__).parent / "buckets"
TABLES = Path(__file__).parent / "tables" / "corp-ml"
ROWS = 560
TABLE_ROWS = 60
Row = dict[str, Any]

PRODUCTS = ["kettle", "desk lamp", "running shoes", "rucksack", "espresso machine", "bicycle pump", "tent", "keyboard"]
TROUBLES = [
    "arrived with a crack along the handle",
    "stopped working after three days",
    "is a different colour from the picture",
    "never arrived, although tracking says it was delivered",
    "makes a loud noise whenever it is switched on",
    "is excellent, and I only want to say thank you",
    "came without the manual and one screw is missing",
]
WISHES = ["I would like my money back.", "Please send a new one.", "Can somebody call me?", "No answer is needed."]
ARTIKEL = ["Wasserkocher", "Schreibtischlampe", "Laufschuhe", "Rucksack"]
PHOTOS = ["kettle.png", "lamp.png", "tent.png"]


def text(role: str, *parts: str) -> Row:
    return {"role": role, "parts": [{"text": part} for part in parts]}


def ticket(chance: random.Random) -> str:
    return f"My {chance.choice(PRODUCTS)} {chance.choice(TROUBLES)}. {chance.choice(WISHES)}"


def plain(chance: random.Random) -> Row:
    return {"contents": [text("user", f"Sort this ticket into refund, repair, praise or other: {ticket(chance)}")]}


def multi_turn(chance: random.Random) -> Row:
    return {
        "contents": [
            text("user", ticket(chance)),
            text("model", "Thank you for writing. When did you buy it?"),
            text("user", f"On the {chance.randint(1, 28)}th. What happens now?"),
        ],
    }


def with_system_instruction(chance: random.Random) -> Row:
    instruction = {"parts": [{"text": "You answer tickets of a mail-order shop. Be kind, brief and exact."}]}
    return {"systemInstruction": instruction, "contents": [text("user", ticket(chance))]}


def with_file(chance: random.Random) -> Row:
    photo = f"gs://ranking-in/photos/{chance.choice(PHOTOS)}"
    parts = [{"text": "Which product is this?"}, {"fileData": {"fileUri": photo, "mimeType": "image/png"}}]
    return {"contents": [{"role": "user", "parts": parts}]}


def with_generation_settings(chance: random.Random) -> Row:
    settings = {
        "temperature": round(chance.uniform(0, 1), 2),
        "topP": 0.95,
        "maxOutputTokens": chance.choice([16, 64, 256]),
        "responseMimeType": "application/json",
    }
    return {"contents": [text("user", f"Answer as JSON: {ticket(chance)}")], "generationConfig": settings}


def in_another_language(chance: random.Random) -> Row:
    return {"contents": [text("user", f"Übersetze ins Englische: Mein {chance.choice(ARTIKEL)} ist beschädigt. 👋")]}


KINDS = [
    plain,
    plain,
    plain,
    multi_turn,
    with_system_instruction,
    with_file,
    with_generation_settings,
    in_another_language,
]

REFUSED: list[Row] = [
    {"contents": []},
    {"contents": [{"role": "narrator", "parts": [{"text": "A role that the model does not know."}]}]},
    {"contents": [text("user", "Too warm.")], "generationConfig": {"temperature": 7.5}},
    {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://ranking-in/photos/kettle.png"}}]}]},
    {"contents": [{"role": "user", "parts": []}]},
]


def good_rows() -> Iterator[Row]:
    chance = random.Random(20251122)
    for i in range(ROWS):
        yield {"request": KINDS[i % len(KINDS)](chance)}


def rows_with_refused() -> Iterator[Row]:
    """The good rows with one that Vertex refuses after every hundredth."""
    refused = iter(REFUSED)
    for i, row in enumerate(good_rows(), start=1):
        yield row
        if i % 100 == 0:
            yield {"request": next(refused)}


def table_rows(request: Callable[[Row], Any]) -> Iterator[Row]:
    """Rows of a table: the request, and two columns that the output carries on."""
    chance = random.Random(20251123)
    for i in range(TABLE_ROWS):
        product = chance.choice(PRODUCTS)
        said = f"My {product} {chance.choice(TROUBLES)}. {chance.choice(WISHES)}"
        wanted = {"contents": [text("user", f"Sort this ticket into refund, repair, praise or other: {said}")]}
        yield {"ticket_id": 40_000 + i, "product": product, "request": request(wanted)}


def write_rows(path: Path, rows: Iterator[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def png(colour: tuple[int, int, int], side: int = 16) -> bytes:
    """A square of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = b"".join(b"\0" + bytes(colour) * side for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def main() -> None:
    write_rows(BUCKETS / "ranking-in" / "tickets.jsonl", good_rows())
    write_rows(BUCKETS / "ranking-in" / "tickets-some-refused.jsonl", rows_with_refused())
    few = [row for i, row in enumerate(good_rows()) if i % 10 == 0 and "fileData" not in json.dumps(row)]
    write_rows(BUCKETS / "search-in" / "queries.jsonl", iter(few))
    write_rows(BUCKETS / "ads-in" / "ads.jsonl", iter(few))
    for dataset in ("ranking_in", "ranking_europe", "ranking_archive"):
        write_rows(TABLES / dataset / "tickets.jsonl", table_rows(dict))
    write_rows(TABLES / "ranking_in" / "tickets_as_text.jsonl", table_rows(json.dumps))
    photos = BUCKETS / "ranking-in" / "photos"
    photos.mkdir(exist_ok=True)
    for name, colour in zip(PHOTOS, [(180, 60, 40), (240, 220, 120), (60, 120, 60)], strict=True):
        (photos / name).write_bytes(png(colour))


if __name__ == "__main__":
    main()
