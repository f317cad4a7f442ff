"""S3 against a real server of it (rclone), and S3 Inventory reports on the disk and in the bucket."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from actors.reconciler.sources import s3 as s3_module
from actors.reconciler.sources.common import Place, SourceError
from actors.reconciler.sources.s3 import S3
from actors.reconciler.sources.s3_inventory import S3Inventory
from actors.settings.datasets import S3InventorySource, S3Source
from tests.reconciler.datasets import STAMP, csv_gz, md5, write_report

RCLONE = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone") or "rclone"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A bucket; gives its directory and its source."""
    root = tmp_path_factory.mktemp("s3")
    (root / "prices").mkdir()
    argv = [
        RCLONE,
        "serve",
        "s3",
        "--addr",
        "127.0.0.1:0",
        "--auth-key",
        "name,secret",
        "-v",
        "--dir-cache-time",
        "0",
        str(root),
    ]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env={"HOME": str(root), "PATH": "/bin"})
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if found := re.search(r"Starting s3 server on \[(http://[^/\]]+)", line):
            break
    else:
        pytest.fail(said)
    yield root / "prices", S3Source(bucket="prices", endpoint=found[1])
    process.kill()
    process.wait(20)
    process.stderr.close()


@pytest.fixture
def place(tmp_path):
    return Place(root=tmp_path, scratch=tmp_path)


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def listed(source):
    return sorted(
        row
        for batch in source.batches()
        for row in zip(batch.keys, batch.sizes, batch.times_s, batch.sums, strict=True)
    )


@pytest.mark.needs(RCLONE)
class TestBucket:
    def test_every_object_is_listed_with_size_time_and_checksum(self, bucket, place):
        folder, settings = bucket
        for name in ("day/a.csv", "day/b c.csv", "other/d.csv"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(name)
        found = listed(S3(S3Source(bucket="prices", endpoint=settings.endpoint, prefix="day/"), place))
        assert [(key, size, mark) for key, size, _, mark in found] == [
            ("a.csv", 9, md5(b"day/a.csv")),
            ("b c.csv", 11, md5(b"day/b c.csv")),
        ]
        assert abs(found[0][2] - (folder / "day/a.csv").stat().st_mtime) < 2

    def test_single_objects_can_be_asked_for(self, bucket, place):
        folder, settings = bucket
        (folder / "spot.csv").write_text("x")
        found = S3(settings, place).spot(["spot.csv", "gone.csv"]) or {}
        assert found["gone.csv"] is None
        assert (found["spot.csv"] or ())[:2] == ("spot.csv", 1)

    def test_a_bucket_that_is_not_there_and_a_wrong_key_fail_the_look(self, bucket, monkeypatch, place):
        settings = bucket[1]
        with pytest.raises(SourceError, match="bucket nowhere: "):
            listed(S3(S3Source(bucket="nowhere", endpoint=settings.endpoint), place))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(SourceError, match="bucket prices: "):
            listed(S3(settings, place))

    def test_a_report_in_a_bucket_is_fetched_and_its_checksums_are_seen_to(self, bucket, tmp_path):
        folder, settings = bucket
        write_report(folder / "report", csv_gz(CSV_ROWS))
        asked = S3InventorySource(manifest="report/manifest.json", prefix="day/", store=settings)
        source = S3Inventory(asked, Place(root=tmp_path, scratch=tmp_path))
        assert [row[0] for row in listed(source)] == ["a b.csv", "ü.csv"]
        (folder / "report/data.csv.gz").write_bytes(csv_gz(CSV_ROWS[:1]))
        with pytest.raises(SourceError, match="has the MD5"):
            listed(source)
        assert not list(tmp_path.iterdir())


def test_without_obstore_it_is_said_what_to_install(monkeypatch, place):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(SourceError, match=re.escape("install gyrostat[s3]")):
        listed(S3(S3Source(bucket="prices"), place))


def test_the_etag_of_an_upload_in_parts_is_no_checksum():
    assert s3_module._sum('"abc-3"') == ""
    assert s3_module._sum('"abc"') == "abc"
    assert s3_module._sum(None) == ""


# --- reports

CSV_ROWS = [
    '"prices","day/a+b.csv","10","2024-01-01T00:00:00.000Z","aa","true","false"',
    '"prices","day/%C3%BC.csv","11","2024-01-01T00:00:00.000Z","bb-2","true","false"',
    '"prices","day/gone.csv","","2024-01-01T00:00:00.000Z","","true","true"',
    '"prices","day/former.csv","9","2024-01-01T00:00:00.000Z","cc","false","false"',
    '"prices","other/x.csv","12","2024-01-01T00:00:00.000Z","dd","true","false"',
]


def report(root):
    return S3Inventory(S3InventorySource(manifest="r/manifest.json", prefix="day/"), Place(root=root, scratch=root))


def test_a_report_counts_as_of_its_start_without_what_was_deleted(tmp_path):
    write_report(tmp_path / "r", csv_gz(CSV_ROWS))
    source = report(tmp_path)
    assert listed(source) == [("a b.csv", 10, STAMP, "aa"), ("ü.csv", 11, STAMP, "")]
    assert source.as_of_s == STAMP
    assert source.spot(["a b.csv"]) is None


def test_the_data_may_lie_where_aws_puts_it(tmp_path):
    write_report(tmp_path / "r", csv_gz(CSV_ROWS))
    (tmp_path / "data").mkdir()
    (tmp_path / "r/data.csv.gz").rename(tmp_path / "data/data.csv.gz")
    assert len(listed(report(tmp_path))) == 2
    (tmp_path / "data/data.csv.gz").unlink()
    with pytest.raises(SourceError, match=r"there is no data\.csv\.gz beside"):
        listed(report(tmp_path))


def test_a_report_in_parquet_is_read(tmp_path):
    when = datetime.fromtimestamp(STAMP, UTC)
    table = {
        "bucket": ["prices"] * 3,
        "key": ["day/a b.csv", "day/gone.csv", "other/x.csv"],
        "size": [10, None, 12],
        "last_modified_date": [when] * 3,
        "e_tag": ["aa", None, "dd"],
        "is_latest": [True, True, True],
        "is_delete_marker": [False, True, False],
    }
    write_table(pa.table(table), tmp_path / "data.parquet")
    data = (tmp_path / "data.parquet").read_bytes()
    write_report(tmp_path / "r", data, "data.parquet", fileFormat="Parquet")
    assert listed(report(tmp_path)) == [("a b.csv", 10, STAMP, "aa")]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda r: (r / "data.csv.gz").write_bytes(csv_gz(CSV_ROWS[:2])), "has the MD5 .*, and the manifest says"),
        (lambda r: (r / "manifest.json").write_text('{"fileFormat": "CSV", "fi'), "is no manifest"),
        (lambda r: (r / "manifest.json").unlink(), "cannot be read: No such file"),
        (lambda r: write_report(r, csv_gz(CSV_ROWS), fileFormat="ORC"), "the report is in ORC; allowed: CSV, Parquet"),
        (
            lambda r: write_report(r, csv_gz(CSV_ROWS), fileSchema="Bucket, Size"),
            "has 7 columns, and the manifest 2|no column",
        ),
        (lambda r: write_report(r, csv_gz(CSV_ROWS), creationTimestamp="now"), "does not say when"),
        (lambda r: write_report(r, csv_gz(CSV_ROWS)[:-9]), "cannot be read"),
        (lambda r: write_report(r, csv_gz(['"a","b"'])), "has 2 columns, and the manifest 7"),
    ],
)
def test_a_report_that_is_half_written_or_strange_fails_the_look(tmp_path, break_it, said):
    write_report(tmp_path / "r", csv_gz(CSV_ROWS))
    break_it(tmp_path / "r")
    with pytest.raises(SourceError, match=said):
        listed(report(tmp_path))
