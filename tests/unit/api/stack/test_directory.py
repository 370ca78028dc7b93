"""The data directory: private, locked, and never somebody else's."""

import stat
from pathlib import Path

import pytest

from api.stack.directory import DataDirectory
from api.stack.errors import StackError
from api.stack.state import ProcessState, StackState, running_state


def test_it_is_made_private(tmp_path: Path) -> None:
    directory = DataDirectory.at(tmp_path / "a" / "b")
    directory.create()
    assert stat.S_IMODE(directory.root.stat().st_mode) == 0o700
    directory.create()


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert DataDirectory.at(".pitboss").root == tmp_path / ".pitboss"


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    tmp_path.chmod(0o755)
    with pytest.raises(StackError, match="holds other files"):
        DataDirectory.at(tmp_path).create()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_place_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot use"):
        DataDirectory.at(tmp_path / "file" / "below").create()


def test_only_one_holds_it(tmp_path: Path) -> None:
    directory = DataDirectory.at(tmp_path / "data")
    directory.create()
    assert not directory.is_locked()
    with directory.locked():
        assert directory.is_locked()
        with pytest.raises(StackError, match="another stack already runs"), directory.locked():
            pass
    assert not directory.is_locked()


def test_the_state_of_a_dead_supervisor_is_no_running_stack(tmp_path: Path) -> None:
    directory = DataDirectory.at(tmp_path / "data")
    with pytest.raises(StackError, match="pitboss up"):
        running_state(directory)
    directory.create()
    gone = ProcessState(name="api", pid=2**22 - 1, healthy=True, marker="another boot/1")
    state = StackState(data_dir="", base_url="", supervisor_pid=1, ready=True, processes=[gone])
    state.save(directory.state)
    with pytest.raises(StackError, match="pitboss up"):
        running_state(directory)
    with directory.locked():
        assert not running_state(directory).processes[0].healthy, "the process is not there"
