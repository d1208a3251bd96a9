"""The file of an exported tenant is read as it was written, or refused."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from askproai_cli.tenant_move import UnreadableFile, archive
from askproai_cli.tenant_move.archive import FORMAT, Reader, open_reader, open_writer

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys cheaply: the usual cost is for an attacker's guesses."""
    monkeypatch.setattr(archive, "_derive", lambda passphrase, salt: (passphrase.encode() + salt).ljust(32)[:32])


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    path = tmp_path / "salon.askproai"
    with open_writer(path, PASSPHRASE) as writer:
        writer.document({"tenant": "salon.salon", "name": "Müller"})
        for table in ("calls", "jobs"):
            writer.document({"table": table})
            await writer.rows(b"1\t" + table.encode() + b"\n")
            await writer.rows(b"x" * 300_000)
        writer.document({"rows": {"calls": 1}}, is_last=True)
    return path


async def read_all(path: Path, passphrase: str = PASSPHRASE) -> list[object]:
    found: list[object] = []
    with open_reader(path, passphrase) as reader:
        while "rows" not in (document := reader.document()):
            found.append(document)
            found.append(b"".join([chunk async for chunk in reader.rows()]))
        reader.end()
    return [*found, document]


async def test_written_archive_is_read_in_order(written: Path) -> None:
    assert await read_all(written) == [
        {"tenant": "salon.salon", "name": "Müller"},
        b"",
        {"table": "calls"},
        b"1\tcalls\n" + b"x" * 300_000,
        {"table": "jobs"},
        b"1\tjobs\n" + b"x" * 300_000,
        {"rows": {"calls": 1}},
    ]


def test_file_is_encrypted_and_private_to_its_owner(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    content = written.read_bytes().removeprefix(FORMAT)
    for text in (b"salon", b"calls", b"M\xc3\xbcller", b"xxxx"):
        assert text not in content


async def test_export_cannot_be_read_with_another_passphrase(written: Path) -> None:
    with pytest.raises(UnreadableFile, match="passphrase"):
        await read_all(written, "correct horse batterx")


def test_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"PGDMP" + bytes(100))
    with pytest.raises(UnreadableFile, match="no export of a tenant"), open_reader(path, PASSPHRASE):
        pass


def records_of(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the head of a file and its encrypted records."""
    at = len(FORMAT) + 16 + 24
    head, records = content[:at], []
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at : at + 4])
        records.append(content[at:end])
        at = end
    return head, records


def damaged(content: bytes) -> Iterator[bytes]:
    head, records = records_of(content)
    for index in range(len(records)):
        yield head + b"".join(records[:index] + records[index + 1 :])  # one is missing
        yield head + b"".join(records[: index + 1] * 2)  # repeated
    yield head + b"".join([records[1], records[0], *records[2:]])
    yield content[:-1]
    yield content + b"\0"
    yield content[: len(head) - 1]
    for at in (len(FORMAT), len(head) + 4 + 30, len(content) - 3):
        yield content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


async def test_altered_truncated_or_reassembled_file_is_refused(written: Path) -> None:
    variants = [*damaged(written.read_bytes())]  # noqa: ASYNC240  a small file
    assert len(variants) > 15
    for content in variants:
        written.write_bytes(content)  # noqa: ASYNC240
        with pytest.raises(UnreadableFile):
            await read_all(written)


def write_until_the_disk_is_full(path: Path) -> None:
    with open_writer(path, PASSPHRASE) as writer:
        writer.document({"tenant": "salon.salon"})
        raise OSError("disk full")


def test_interrupted_archive_writer_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "salon.askproai"
    with pytest.raises(OSError, match="disk full"):
        write_until_the_disk_is_full(path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".salon.askproai.part").write_bytes(b"of a run that was killed")
    with open_writer(path, PASSPHRASE) as writer:
        writer.document({"rows": {}}, is_last=True)
    assert [each.name for each in tmp_path.iterdir()] == ["salon.askproai"]


def test_archive_record_with_a_huge_size_is_refused(written: Path) -> None:
    content = written.read_bytes()
    at = len(FORMAT) + 16 + 24
    written.write_bytes(content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :])
    with written.open("rb") as file:
        reader = Reader(file, PASSPHRASE)
        with pytest.raises(UnreadableFile):
            reader.document()
        assert file.tell() < at + 5
