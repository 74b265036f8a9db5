"""Runs one reader of `untrusted_readers` on many inputs, within limits of memory and steps, in a process of its own.

    fuzzing.py READER --inputs N --seed S [--found DIR] [--guided --corpus DIR]

Without `--guided` the inputs are mutations of the reader's seeds, the same on every machine. With it, atheris looks for
inputs that reach new code, and keeps them in the corpus. An input that breaks the contract is made as small as it
can be and written to `--found`; the process then ends with status 1 and tells what was raised.
"""

import argparse
import faulthandler
import hashlib
import os
import random
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

LARGEST = 64 * 1024
"""Bytes of an input. What more of them could do, the limits of readers forbid: tests of their own hold those."""

MEMORY = 768 * 1024**2
"""Bytes that a reader may take beyond what is there before the first input: ten thousand times an input."""

STEPS = 3_000_000
"""Calls that an input may cost: some fifty for each of its bytes. Counted, not timed: the same on every machine."""

_ATTEMPTS = 600
"""Inputs that are tried to make a found one smaller."""

_GUIDES = ["matrix_runner", "packaging", "zipfile", "tarfile", "email", "tomllib", "configparser"]
"""Packages whose code guides the search: ours, and the parsers that ours stand on."""

Contract = Callable[[bytes, Path], None]


class TooManySteps(BaseException):
    """An input costs more than any may. No `Exception`: nobody but `outcome` is to catch it."""


def outcome(contract: Contract, data: bytes, *, counts: bool = True) -> str | None:
    """Return what an input broke the contract by, as a traceback; None if it kept it. `counts`: steps, too."""
    steps = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal steps
        steps += 1
        if steps > STEPS:
            sys.setprofile(None)
            raise TooManySteps

    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_memory_disk()) as room:
        if counts:
            sys.setprofile(count)
        try:
            contract(data, Path(room))
        except (Exception, TooManySteps):  # noqa: BLE001  whatever it is, it is the result
            sys.setprofile(None)
            return traceback.format_exc()
        finally:
            sys.setprofile(None)
    return None


def _memory_disk() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  names are made by tempfile


def limit_memory() -> None:
    """Let this process take `MEMORY` bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    now = pages * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def mutations(seeds: tuple[bytes, ...], words: tuple[bytes, ...], inputs: int, seed: str) -> Iterator[bytes]:
    """Yield the seeds, and as many inputs made of them; the same for the same `seed`."""
    yield from seeds
    chance = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
    for _ in range(inputs):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            _mutate(data, seeds, words, chance)
        yield bytes(data[:LARGEST])


def _mutate(data: bytearray, seeds: tuple[bytes, ...], words: tuple[bytes, ...], chance: random.Random) -> None:
    """Change a part of the data, as damage or an attacker might."""
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.choice((1, 2, 4, 8, 32, 512)))
    word = chance.choice(words)
    match chance.randrange(9):
        case 0:
            data[at:end] = bytes(byte ^ 1 << chance.randrange(8) for byte in data[at:end])
        case 1:
            data[at:end] = chance.randbytes(end - at)
        case 2:
            del data[at:end]
        case 3:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        case 4:
            data[at:at] = word
        case 5:
            data[at : at + len(word)] = word
        case 6:
            # Much of one thing is where a reader's time or memory could grow faster than its input.
            data[at:at] = word * chance.randrange(LARGEST // 8 // len(word))
        case 7:
            other = chance.choice(seeds)
            start = chance.randint(0, len(other))
            data[at:] = other[start:]
        case _:
            del data[at:]


def smaller(data: bytes, is_found: Callable[[bytes], bool]) -> bytes:
    """Return an input that is found too, with as many parts left out as a limited number of attempts allows."""
    attempts, size = _ATTEMPTS, max(1, len(data) // 2)
    while size and attempts > 0:
        at = 0
        while at < len(data) and attempts > 0:
            shorter = data[:at] + data[at + size :]
            attempts -= 1
            if is_found(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def _kind(told: str) -> str:
    """Return what tells two troubles apart: the last line of ours in the traceback, and the exception's class."""
    lines = told.splitlines()
    ours = [line for line in lines if "matrix_runner" in line or "untrusted_readers" in line]
    return f"{ours[-1] if ours else ''} {lines[-1].partition(':')[0]}"


def _keep(reader: str, contract: Contract, data: bytes, told: str, found: Path | None) -> None:
    kind = _kind(told)
    sys.stdout.write(f"{reader}: an input of {len(data)} bytes breaks the contract\n{told}\n")
    if found is None:
        return

    def is_found(shorter: bytes) -> bool:
        again = outcome(contract, shorter)
        return again is not None and _kind(again) == kind

    least = smaller(data, is_found)
    path = found / reader / hashlib.sha256(least).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(least)
    sys.stdout.write(f"{path}: {len(least)} bytes: {least[:400]!r}\n")


def _run_mutations(reader: str, inputs: int, seed: int, found: Path | None) -> int:
    from untrusted_readers import READERS

    limit_memory()
    one, count = READERS[reader], 0
    for data in mutations(one.seeds, one.words, inputs, f"{reader} {seed}"):
        told = outcome(one.contract, data)
        if told is not None:
            _keep(reader, one.contract, data, told, found)
            return 1
        count += 1
    sys.stdout.write(f"{reader}: {count} inputs\n")
    return 0


def _run_guided(reader: str, inputs: int, seed: int, found: Path | None, corpus: Path) -> None:
    """Let atheris, which never returns, run the reader. Its log goes to standard error."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]  # not for every Python

    with atheris.instrument_imports(include=_GUIDES):
        from untrusted_readers import READERS
    one = READERS[reader]
    corpus.mkdir(parents=True, exist_ok=True)
    for each in one.seeds:
        corpus.joinpath(hashlib.sha256(each).hexdigest()[:16]).write_bytes(each)
    listed = corpus.with_suffix(".dict")
    listed.write_text("".join(f'"{_escaped(word)}"\n' for word in one.words), "ascii")
    limit_memory()

    def run(data: bytes) -> None:
        told = outcome(one.contract, data, counts=False)
        if told is not None:
            _keep(reader, one.contract, data, told, found)
            os._exit(1)

    options = (f"-runs={inputs}", f"-seed={seed}", f"-max_len={LARGEST}", f"-dict={listed}", "-timeout=60")
    atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=0", "-print_final_stats=1", str(corpus)], run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> int:
    """Run the reader that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path)
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--corpus", type=Path)
    given = parser.parse_args()
    faulthandler.enable()
    if given.guided:
        _run_guided(given.reader, given.inputs, given.seed, given.found, given.corpus)
    return _run_mutations(given.reader, given.inputs, given.seed, given.found)


if __name__ == "__main__":
    sys.exit(main())
