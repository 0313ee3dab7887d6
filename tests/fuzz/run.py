"""Fuzz with atheris, guided by the coverage of the package: `python -m tests.fuzz.run`.

Each target runs in a process of its own, from a copy of its corpus, for `--seconds`. A broken
promise ends the run, and the input that broke it stays: `--replay FILE` plays it without atheris.
`--keep` adds to the kept corpus what reaches something new, and nothing else.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

CORPUS = Path(__file__).parent / "corpus"
INSTRUMENTED = "orderflow_bridge"
# Longer inputs find nothing that shorter ones do not, and are slower to play and to read.
LONGEST = {"handle": 4_096, "parsing": 1_024, "cards": 512, "addresses": 256}


def main() -> int:
    """Fuzz every target that is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.fuzz.run")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(LONGEST))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--findings", type=Path, help="where inputs that break a promise go")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; 0 draws one")
    parser.add_argument("--keep", action="store_true", help="add what is new to the corpus")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="play one input, once")
    parser.add_argument("--inside", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.targets or list(LONGEST)
    if not set(names) <= set(LONGEST):
        parser.error(f"the targets are {', '.join(LONGEST)}")
    if options.inside is not None:
        _fuzz(names[0], options.inside)
    if options.replay is not None:
        return _replay(names[0], options.replay)
    if importlib.util.find_spec("atheris") is None:
        parser.exit(2, "atheris is not installed; the kept corpus is replayed by pytest\n")
    findings = options.findings or Path(tempfile.mkdtemp(prefix="orderflow-bridge-findings-"))
    findings.mkdir(parents=True, exist_ok=True)
    failed = [
        name
        for name in names
        if not _run(name, options.seconds, findings, seed=options.seed, keep=options.keep)
    ]
    for name in failed:
        sys.stderr.write(f"{name} was stopped by an input, which is in {findings}\n")
    return bool(failed)


def _replay(name: str, file: Path) -> int:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 -- after atheris, where it is used

    sys.stdout.writelines(f"{line}\n" for line in TARGETS[name](file.read_bytes()))
    return 0


def _run(name: str, seconds: int, findings: Path, *, seed: int, keep: bool) -> bool:
    """Fuzz one target; tell whether every promise held."""
    with tempfile.TemporaryDirectory(prefix="orderflow-bridge-corpus-") as folder:
        work = Path(folder, name)
        shutil.copytree(CORPUS / name, work)
        words = Path(folder, "words.dict")
        words.write_text(_dictionary(), encoding="ascii")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.run", name, "--inside"),
                *(str(work), f"-dict={words}", f"-max_len={LONGEST[name]}", f"-seed={seed}"),
                *(f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{name}-"),
                *("-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048"),
            ],
            check=False,
            timeout=seconds + 300,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
        )
        if keep and done.returncode == 0:
            from tests.fuzz.keeping import keep_new  # noqa: PLC0415 -- needs coverage

            keep_new(name, CORPUS / name, sorted(work.iterdir()))
    return done.returncode == 0


def _fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris  # noqa: PLC0415 -- nothing else here needs it

    with atheris.instrument_imports(include=[INSTRUMENTED]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 -- imported to be instrumented

    target = TARGETS[name]

    def once(data: bytes) -> None:
        for _ in target(data):
            pass

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


def _dictionary() -> str:
    """Give the words that mean something: what a mutation would take long to spell."""
    from orderflow_bridge.actions import ACTIONS  # noqa: PLC0415 -- not before it is instrumented
    from orderflow_bridge.http import READ_HEADERS  # noqa: PLC0415
    from tests.fuzz.scripts import OPERATOR  # noqa: PLC0415

    words = {
        *("$cart", "$line", "$order", "$cursor", "$version", "$total", "$client", "$now", "$mac"),
        *(f"+{name.decode()}" for name in OPERATOR),
        *("--\n", "\n--\n=\n--\n", "\n--\n~\n--\n", "\n--\n@61\n--\n", "POST /", "?", "!"),
        *("mug", "tea", "lamp", "book", "gone", "GBP", "EUR", "JPY", "post", "van", "GB", "US"),
        *("4111 1111 1111 1111", "5555555555554444", "378282246310005", "cvv", "%B4", "^"),
        *("10.0.0.0/8", "::ffff:10.0.0.1", "fe80::1%eth0", "unix", "/32", "0.0.0.0/0", "::/0"),
        *('":', '","', "null", "true", "1e5", "-1", "9007199254740992", "\\u0000", "[[[[", "NaN"),
        *ACTIONS,
        *(name.decode() for name in READ_HEADERS),
        *("x-forwarded-for", "sku", "quantity", "options", "unit_price", "name", "email", "line1"),
    }
    for action in ACTIONS.values():
        words |= {field.name for field in msgspec.structs.fields(action.request)}
    return "".join(f'"{_escaped(word)}"\n' for word in sorted(words))


def _escaped(word: str) -> str:
    return "".join(
        character if character.isalnum() else f"\\x{ord(character):02x}" for character in word
    )


if __name__ == "__main__":
    sys.exit(main())
