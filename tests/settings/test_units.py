import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings.units import (
    Bytes,
    Level,
    Seconds,
    Share,
    UnitError,
    dec_hook,
    enc_hook,
    format_duration,
    format_size,
    parse_duration,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1m30s", 90),
        ("1d2h3m4s5ms", 93784.005),
        ("1.5s", 1.5),
        ("0s", 0),
        ("30", 30),
        ("0.25", 0.25),
        (".5", 0.5),
        ("1e3", 1000),
        (" 5m ", 300),
        (30, 30),
        (0.1, 0.1),
    ],
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)
    assert type(parse_duration(text)) is Seconds


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("200MB", 200_000_000),
        ("1GB", 10**9),
        ("64KiB", 65536),
        ("10MiB", 10 * 2**20),
        ("1.5GB", 1_500_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("12B", 12),
        ("3kb", 3000),
        ("2TiB", 2**41),
        ("4096", 4096),
        (4096, 4096),
    ],
)
def test_a_size_is_read_in_bytes(text, size_bytes):
    assert parse_size(text) == size_bytes
    assert type(parse_size(text)) is Bytes


@pytest.mark.parametrize(("text", "share"), [("80%", 0.8), ("0.5", 0.5), (1, 1), ("0%", 0), ("100 %", 1)])
def test_a_share_is_read_as_a_fraction(text, share):
    assert parse_share(text) == pytest.approx(share)
    assert type(parse_share(text)) is Share


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("80%", 80, "percent"), ("200MB", 200_000_000, "bytes"), ("1s", 1, "seconds"), ("5", 5, None), (0.5, 0.5, None)],
)
def test_a_level_keeps_the_unit_it_was_written_in(text, value, unit):
    level = Level.parse(text)
    assert level == value
    assert level.unit == unit


@pytest.mark.parametrize(
    "text",
    ["", " ", "5 parsecs", "s", "30s1m", "1m1m", "m", "1h-5m", "1,5s", "5M", "1_000", "٣s", "ms", "true", "1m 30s"],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(text):
    with pytest.raises(UnitError, match=r"is not a duration; allowed: 500ms, 30s, 5m, 2h, 1d or 1m30s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "MB", "200M", "1G", "10XB", "1 000", "ib", "5s", "1ib"])
def test_what_is_no_size_is_refused_with_what_is_allowed(text):
    with pytest.raises(UnitError, match=r"is not a size; allowed: 200MB, 1\.5GB or 64KiB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "%", "half", "80 percent", "1s"])
def test_what_is_no_share_is_refused_with_what_is_allowed(text):
    with pytest.raises(UnitError, match="is not a share; allowed: 0% to 100%"):
        parse_share(text)


@pytest.mark.parametrize("text", ["", "lots", "-", "%", "1x"])
def test_what_is_no_level_is_refused_with_what_is_allowed(text):
    with pytest.raises(UnitError, match="is not a level; allowed: a number, a percentage"):
        Level.parse(text)


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (parse_duration, -1, "is negative"),
        (parse_size, -0.5, "is negative"),
        (parse_share, -0.5, "is negative"),
        (parse_duration, math.inf, "is not finite"),
        (parse_duration, math.nan, "is not finite"),
        (parse_duration, "1e999", "is not finite"),
        (parse_duration, "40000d", "longer than a hundred years"),
        (parse_size, "9999999999TB", "more than any file can hold"),
        (parse_share, "101%", "more than the whole"),
        (parse_share, "80", "more than the whole"),
    ],
)
def test_nonsense_is_refused_by_name(parse, value, problem):
    with pytest.raises(UnitError, match=problem):
        parse(value)


def test_a_negative_text_is_refused():
    for parse in (parse_duration, parse_size, parse_share, Level.parse):
        with pytest.raises(UnitError):
            parse("-5")


@given(st.integers(0, 36_500 * 86_400_000))
def test_a_duration_written_for_people_reads_back_to_the_millisecond(whole_ms):
    assert parse_duration(format_duration(whole_ms / 1000)) == pytest.approx(whole_ms / 1000, abs=1e-6)


@given(st.integers(0, 9_999))
def test_a_duration_below_ten_milliseconds_reads_back_to_the_microsecond(whole_us):
    assert parse_duration(format_duration(whole_us / 1e6)) == pytest.approx(whole_us / 1e6, abs=1e-9)


@given(st.integers(0, 2**50))
def test_a_size_written_for_people_reads_back_to_half_a_percent(size_bytes):
    assert parse_size(format_size(size_bytes)) == pytest.approx(size_bytes, rel=0.005)


@given(st.integers(1, 999), st.sampled_from(["B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]))
def test_a_size_in_any_unit_reads_back_exactly(count, unit):
    size = parse_size(f"{count}{unit}")
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.005)
    assert size == int(size)


@given(st.text() | st.floats() | st.integers())
def test_no_text_or_number_gives_another_error_than_unit_error(value):
    for parse in (parse_duration, parse_size, parse_share, Level.parse):
        allowed = ""
        quantity = 0.0
        try:
            quantity = parse(value)
        except UnitError as error:
            allowed = error.allowed
        assert allowed or 0 <= quantity < math.inf


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.1, "100ms"),
        (0.00025, "0.25ms"),
        (1e-9, "0s"),
        (0.9999, "1s"),
        (1.5, "1.5s"),
        (90, "1m30s"),
        (86400, "1d"),
        (90061.5, "1d1h1m1.5s"),
        (3599.9999, "1h"),
        (-90, "-1m30s"),
    ],
)
def test_a_duration_is_written_as_people_say_it(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (65536, "64KiB"),
        (10_000_000, "10MB"),
        (1_500_000_000, "1.5GB"),
        (123_456_789, "123.46MB"),
        (2**40, "1TiB"),
        (-1000, "-1kB"),
    ],
)
def test_a_size_is_written_as_people_say_it(size_bytes, text):
    assert format_size(size_bytes) == text


class _Timing(msgspec.Struct):
    wait: Seconds
    room: Bytes
    part: Share


def test_msgspec_reads_and_writes_quantities_through_the_hooks():
    timing = msgspec.convert({"wait": "1m30s", "room": 4096, "part": "50%"}, _Timing, dec_hook=dec_hook)
    assert timing == _Timing(wait=Seconds(90), room=Bytes(4096), part=Share(0.5))
    assert msgspec.json.encode(timing, enc_hook=enc_hook) == b'{"wait":90.0,"room":4096,"part":0.5}'


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_the_hook_refuses_what_is_neither_text_nor_number(value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"wait": value, "room": 1, "part": 1}, _Timing, dec_hook=dec_hook)


def test_the_hooks_leave_other_types_to_others():
    with pytest.raises(NotImplementedError):
        dec_hook(complex, 1)
    with pytest.raises(NotImplementedError):
        enc_hook(1j)
