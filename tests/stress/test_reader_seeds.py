"""Small inputs that have ended a reader, or could: each is refused or read, never a traceback.

`scripts/stress/fuzz_readers.py` damages inputs of the same readers by the thousand.
"""

import resource
import time

import pytest

from scripts.stress.readers import READERS, light_files, target

DEEP = b"[" * 100_000
NESTED = b"[" * 900 + b"]" * 900
DIGITS = b"9" * 400
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in b"bcdefghi"
)
ENTITIES = (
    b'<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx">'
    + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in b"bcdefghij")
    + b"]><annotation><object><name>&j;</name></object></annotation>"
)
ROW = b'{"arch_id": "pico:0000000", "map": %s}\n'
STATUS = b'{"state": "queued", "submitted": %s, "queued": 0}'
SEEDS = {
    "coco": [DEEP, NESTED, DIGITS, b"null", b"[]", b'{"images": 1}', b'{"images": [[]]}',
             b'{"images": [{"id": ' + DIGITS + b"}]}", b"\xef\xbb\xbf{}", b"{\x00}"],
    "image": [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM" + b"\xff" * 60,
              b"II*\x00" + b"\xff" * 20],
    "voc": [ENTITIES, b"<a>" * 5000, b"", b"<annotation><object/></annotation>", b"\xff\xfe<"],
    "yolo labels": [b"0 nan nan 0.1 0.1\n", DIGITS + b" 0.5 0.5 0.1 0.1\n", b"0 1e999 0 0 0\n",
                    "\u0661 0.5 0.5 0.1 0.1\n".encode(), b"\xff\n", b"0 " * 100_000],
    "recipe": [BOMB, DEEP, b"steps: " + DIGITS, b"steps: 1e400", b"? [a]\n: b", b"steps: &a [*a]",
               b"!!python/object/apply:os.system ['true']", b"2020-99-99", b'"\\ud800"', b"\x00",
               b"learning_rate: .inf\nsteps: 1", b"augmentation: [1]", b"base: {a: b}"],
    "csv": [b"", b"arch_id,map\npico:0000000,\x00\n",
            b"arch_id,map\npico:0000000," + DIGITS + b"\n",
            b"arch_id,map,map\n", b"\xff", b'"' * 100_000,
            b"arch_id,=HYPERLINK(1)\npico:0000000,1\n"],
    "jsonl": [DEEP, ROW % NESTED, ROW % DIGITS, ROW % b"[]", ROW % b"true", b"null\n", ROW % b"NaN",
              ROW % b'"1_0"', b'{"arch_id": ["pico:0000000"]}\n', b"\xff\n"],
    "device csv": [b"", b"arch_id,latency,unit\n" + b"pico:0000000,nan,ms\n" * 30, b"\xff",
                   b"arch_id,latency,unit\npico:0000000," + DIGITS + b",ms\n", b'"' * 100_000],
    "job status": [DEEP, STATUS % NESTED, STATUS % DIGITS, STATUS % b"null", STATUS % b"NaN",
                   b"[]"],
    "job request": [DEEP, b"{}", b'{"version": {}}', b'{"version": 1, "seed": ' + DIGITS + b"}"],
    "job curves": [DEEP, b'{"step": true}\n', b'{"step": 1, "loss": []}\n', b"\xff\x00\n"],
    "requests": [DEEP, NESTED, b'{"do": "sample", "n": true}', b'{"do": ["sample"]}',
                 b'{"do": "sample", "seed": ' + DIGITS + b"}", b"\xff\xfe", b"null",
                 b'{"do": "judge", "genotypes": [[1e999]]}', b'{"do": "judge", "genotypes": [{}]}'],
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / "base"
    light_files(folder)
    (folder / "run").mkdir()
    (folder / "run" / "curves.jsonl").write_text("")
    return folder


@pytest.mark.parametrize("name", SEEDS)
def test_no_seed_ends_its_reader(name, base, tmp_path):
    reader = READERS[name]
    reader.make(tmp_path, base)
    file = target(tmp_path, reader)
    for content in SEEDS[name]:
        file.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        reader.run(tmp_path)
        assert time.monotonic() - began < 10
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10
