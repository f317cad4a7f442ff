from pathlib import Path

import pytest

from actors.settings import ConfigError, find_config, load
from actors.settings.source import FILE_BYTES_MAX


def test_a_given_file_wins_over_the_variable_and_the_variable_over_the_directory(tmp_path):
    for name in ("given.yaml", "named.yaml", "gyrostat.yaml"):
        (tmp_path / name).write_text("")
    environ = {"GYROSTAT_CONFIG": "named.yaml"}
    assert find_config(environ, tmp_path, "given.yaml") == Path("given.yaml")
    assert find_config(environ, tmp_path, None) == Path("named.yaml")
    assert find_config({}, tmp_path, None) == Path("gyrostat.yaml")


def test_the_other_ending_will_do(tmp_path):
    (tmp_path / "gyrostat.yml").write_text("")
    assert find_config({}, tmp_path, None) == Path("gyrostat.yml")


@pytest.mark.parametrize(
    ("environ", "given", "line"),
    [
        ({}, None, "gyrostat.yaml: does not exist in {cwd}; allowed: make one, or name another with -c FILE"),
        ({}, "gone.yaml", "gone.yaml: does not exist (named by -c); allowed: a config file"),
        ({"GYROSTAT_CONFIG": "gone.yaml"}, None,
         "gone.yaml: does not exist (named by GYROSTAT_CONFIG); allowed: a config file"),
        ({}, ".", ".: is no file (named by -c); allowed: a config file"),
    ],
)  # fmt: skip
def test_a_missing_file_gives_one_line_with_the_remedy(tmp_path, environ, given, line):
    with pytest.raises(ConfigError) as caught:
        find_config(environ, tmp_path, given)
    assert str(caught.value) == line.format(cwd=tmp_path)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: \xff", "c.yaml:1: is not UTF-8; allowed: UTF-8"),
        (b"a: 1\nb: \xc3\x28", "c.yaml:2: is not UTF-8; allowed: UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), f"c.yaml: is too large; allowed: at most {FILE_BYTES_MAX} bytes"),
    ],
)
def test_a_file_that_is_no_text_gives_one_line(tmp_path, monkeypatch, content, line):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(Path("c.yaml"), actor_types={}, resolve=None, environ={})
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("name", "problem"), [("gone", "No such file"), (".", "Is a directory"), ("a\0b", "null byte")]
)
def test_a_file_that_cannot_be_opened_gives_one_line(tmp_path, monkeypatch, name, problem):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"cannot be read: .*{problem}"):
        load(Path(name), actor_types={}, resolve=None, environ={})


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfnode: {name: a}\r\n")
    assert load(tmp_path / "c.yaml", actor_types={}, resolve=None, environ={}).node.name == "a"
