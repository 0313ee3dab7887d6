"""Run the storage contract on a factory, and give the verdict rule by rule.

The contract's tests run through pytest in this process, in a temporary folder, and apart from the
project around it: no configuration, `conftest.py`, plugin or cache of its takes part.
"""

import io
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module, invalidate_caches
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest

from orderflow_bridge.capabilities import refuse_misdeclared
from orderflow_bridge.domain.errors import ConfigurationError
from orderflow_bridge.domain.faults import whereabouts
from orderflow_bridge.ports import Capability, Storage
from orderflow_bridge.testing.outcomes import Outcomes
from orderflow_bridge.testing.verdict import Verdict, shortened

__all__ = ["check_storage"]

_PATIENCE = 10
"""How many broken tests are enough: a storage that cannot even open breaks them all."""
_PREFIX = "storage_check_"

_CONTRACT = '''\
"""The contract on the factory that was named."""

from importlib import import_module
from operator import attrgetter

import pytest

pytest.register_assert_rewrite("orderflow_bridge.testing.storage")

from orderflow_bridge.testing import StorageContract


class TestStorage(StorageContract):
    factory = staticmethod(attrgetter({attribute!r})(import_module({module!r})))
'''


def check_storage(
    factory: str,
    *,
    matching: str = "",
    keep_going: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Verdict:
    """Run the storage contract on `factory`, which is `module:function` as for an import.

    The function is called with a folder (`Path`) and gives the storage that is kept there. The
    current folder is searched first, as `python -m` does. `matching` chooses rules by port and
    name, as pytest's `-k` does. Ten broken tests end the run unless `keep_going`. `progress` is
    told the name of each port that begins. Raises `ConfigurationError` where the factory cannot be
    used, and where no rule matches.
    """
    with _current_folder_first(), TemporaryDirectory(prefix=_PREFIX) as made:
        folder = Path(made)
        missing = _missing_capabilities(factory, folder / "looked")
        seen = Outcomes(missing, progress or (lambda _port: None))
        module, _, attribute = factory.partition(":")
        file = folder / f"test_{folder.name}.py"
        file.write_text(_CONTRACT.format(module=module, attribute=attribute), encoding="utf-8")
        code, printed = _run(file, seen, matching, None if keep_going else _PATIENCE)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise ConfigurationError(f"No rule matches {matching!r}.")
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        told = [line[1:] for line in printed.splitlines() if line.startswith("E ")]
        reason = shortened("\n".join(told) or printed)
        raise ConfigurationError(f"The contract could not be run: {reason}")
    return seen.verdict()


@contextmanager
def _current_folder_first() -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def _missing_capabilities(factory: str, folder: Path) -> tuple[Capability, ...]:
    """Open a storage once, so that a factory that cannot be used is told apart from a bad one."""
    opening = _imported(factory)
    folder.mkdir()
    try:
        storage: Storage = opening(folder)
        refuse_misdeclared(storage)
        declared = storage.capabilities
        storage.close()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{factory} gives no storage for a folder: {_told(error)}. Write it as"
            " `def open_mine(folder: Path) -> Storage`."
        ) from error
    return tuple(name for name in get_args(Capability) if name not in declared)


def _imported(factory: str) -> Callable[[Path], Storage]:
    module, colon, attribute = factory.partition(":")
    if not (colon and all(map(str.isidentifier, (*module.split("."), *attribute.split("."))))):
        raise ConfigurationError(
            f"{factory!r} does not name a factory: write module:function, such as"
            " shop.storage:open_storage."
        )
    try:
        found: Callable[[Path], Storage] = attrgetter(attribute)(import_module(module))
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"There is no module {error.name!r}: start in the folder that has it, or install it."
        ) from error
    except AttributeError as error:
        raise ConfigurationError(f"{factory} cannot be imported: {error}.") from error
    except Exception as error:
        raise ConfigurationError(f"Importing {module} failed: {_told(error)}.") from error
    try:
        pickle.dumps(found)
    except Exception as error:
        raise ConfigurationError(
            f"{factory} cannot be called from another process: make it a function of its module"
            " that bears its own name."
        ) from error
    return found


def _told(error: BaseException) -> str:
    message = shortened(str(error))
    return f"{whereabouts(error)}: {message}" if message else whereabouts(error)


def _run(
    file: Path, seen: Outcomes, matching: str, patience: int | None
) -> tuple[int | pytest.ExitCode, str]:
    """Run pytest on one file and nothing else; give its exit code and what it printed."""
    printed = io.StringIO()
    settings = file.with_name("pytest.ini")
    settings.write_text("[pytest]\n", encoding="utf-8")
    words = [
        str(file), "-c", str(settings), "--rootdir", str(file.parent), "--noconftest",
        "--import-mode", "importlib", "--basetemp", str(file.with_name("folders")),
        "-p", "no:cacheprovider", "-p", "no:faulthandler", "-q", "-k", matching,
        "-W", "ignore::pytest.PytestAssertRewriteWarning",
    ]  # fmt: skip
    if patience is not None:
        words.append(f"--maxfail={patience}")
    try:
        with _no_plugins(), redirect_stdout(printed), redirect_stderr(printed):
            return pytest.main(words, plugins=[seen]), printed.getvalue()
    finally:
        sys.modules.pop(file.stem, None)


@contextmanager
def _no_plugins() -> Iterator[None]:
    """Let nothing that is installed or set around here change how the contract runs."""
    before = dict(os.environ)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
