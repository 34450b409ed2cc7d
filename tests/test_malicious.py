"""Files that mean harm: each is tried, and none is executed, decoded beyond reason, or taken for markup."""

import io
import json
import shutil
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
import torch
import yaml

import gannorm
from gannorm import cli
from gannorm.data import ImageFiles
from gannorm.records import RecordError
from gannorm.records import read as read_records
from gannorm.sources import SourceError, open_source
from gannorm.training.errors import RunFolderError
from gannorm.training.run_folder import RunFolder
from tests import tiny

DIGIT = (1, 28, 28)


@pytest.fixture
def harm(tmp_path):
    """Return a file that is there as soon as anything was executed."""
    path = tmp_path / "harm"
    yield path
    assert not path.exists()


class Payload:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def one_line(arguments, capsys, words):
    """Make sure that a command ends with exit code 2 and one line with these words."""
    code = cli.main(arguments)
    errors = capsys.readouterr().err
    assert (code, errors.count("\n")) == (2, 1), errors
    assert words in errors


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of a run that was stopped after its first checkpoint."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        results = gannorm.train(None, **{**tiny.TINY_RUN, "images": 320}, folder=str(folder), quiet=True)
    return folder / results["name"] / results["id"]


def test_a_checkpoint_with_a_pickled_object_is_not_loaded(harm, trained, tmp_path, capsys):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "results.json").unlink()
    for name in ("last.ckpt", "previous.ckpt"):
        content = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
        torch.save(content | {"gannorm_gan": Payload(harm)}, run / "checkpoints" / name)
    with pytest.raises(RunFolderError, match=r"holds pickled objects beside weights, and is not loaded"):
        RunFolder(run).checkpoint(resume=True)
    one_line(["train", f"--resume={run}"], capsys, "holds pickled objects")
    one_line(["evaluate", str(run / "checkpoints" / "last.ckpt")], capsys, "holds pickled objects")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"class_path": "os.system", "init_args": {"command": "touch HARM"}}, "is named as a network and is none"),
        ({"class_path": "webbrowser_of_theirs.Open"}, "is somebody's own class"),
        ({"class_path": "gannorm.networks.MLPGenerator", "init_args": {"norm": "os.system"}}, "and is none"),
        (
            {"class_path": "gannorm.networks.MLPGenerator", "init_args": {"norm": {"class_path": "theirs.Norm"}}},
            "is somebody's own class",
        ),
    ],
)
def test_a_class_that_a_file_names_is_neither_called_nor_imported(harm, trained, tmp_path, capsys, spec, words):
    (tmp_path / "theirs.py").write_text(f"open({str(harm)!r}, 'w')")
    (tmp_path / "webbrowser_of_theirs.py").write_text(f"open({str(harm)!r}, 'w')")
    spec = json.loads(json.dumps(spec).replace("HARM", str(harm)))
    generator = shutil.copytree(trained / "generator", tmp_path / "from a hub")
    told = json.loads((generator / "config.json").read_text())
    (generator / "config.json").write_text(json.dumps(told | {"network": spec}))
    checkpoint = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    torch.save(checkpoint | {"hyper_parameters": {"generator": spec}}, tmp_path / "x.ckpt")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(RunFolderError, match=words):
            gannorm.load(generator)
        with pytest.raises((SourceError, RunFolderError), match=words):
            open_source(tmp_path / "x.ckpt", expected_shape=DIGIT)
    finally:
        sys.path.remove(str(tmp_path))


def test_tags_of_yaml_make_no_objects(harm, trained, tmp_path, capsys):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: !!python/object/apply:os.system ['touch {harm}']\n")
    one_line(["train", f"--config={path}"], capsys, "python/object")
    one_line(["train", f"--name=!!python/object/apply:os.system ['touch {harm}']", "--images=0"], capsys, "name=")
    one_line(["study", str(path)], capsys, "python/object")
    with pytest.raises(RecordError):
        read_records(path)
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "config.yaml").write_text(path.read_text())
    run_page(run)


def run_page(run):
    """Return the page of a run folder, whatever is in it."""
    assert cli.main(["report", str(run)]) == 0
    return (run / "report.html").read_text()


def test_no_array_is_unpickled_and_none_is_made_of_a_headers_word(harm, tmp_path, capsys):
    objects = np.array([[Payload(harm)]], dtype=object)
    np.savez(tmp_path / "pickled.npz", images=objects)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        ImageFiles(path=str(tmp_path / "pickled.npz"))
    with pytest.raises(SourceError, match="never unpickled"):
        open_source(tmp_path / "pickled.npz", expected_shape=DIGIT)
    told = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 1000, 1000, 3)}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, told)
    (tmp_path / "x.npy").write_bytes(header.getvalue() + bytes(100))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(100))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(SourceError, match=r"its header tells of 3,000,000,000,000 bytes, and it has 2\d\d"):
            open_source(tmp_path / name, expected_shape=DIGIT)
    with pytest.raises(ValueError, match="is damaged"):
        ImageFiles(path=str(tmp_path / "x.npz"))


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", b"")
        archive.infolist()[0].file_size = 2**50  # as the directory of the archive will tell
    with pytest.raises(ValueError, match="bytes when it is unpacked, more than this machine's memory"):
        ImageFiles(path=str(tmp_path / "x.npz"))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(2**25))
    with pytest.raises(SourceError, match="too large to be meant: 33,554,432 bytes"):
        open_source(tmp_path / "x.zip", expected_shape=DIGIT)
    np.savez_compressed(tmp_path / "zeros.npz", samples=np.zeros((1, 1, 5000, 5000), np.uint8))
    with pytest.raises(SourceError, match="5000"):
        open_source(tmp_path / "zeros.npz", expected_shape=DIGIT)


def png(width, height):
    """Return a PNG whose header tells of these sides, and which has no pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_000, 60_000])
def test_a_picture_of_absurd_sides_is_refused_by_its_header(tmp_path, side):
    (tmp_path / "x.png").write_bytes(png(side, side))
    with pytest.raises(ValueError, match=r"too large to be meant|decompression bomb"):
        ImageFiles(path=str(tmp_path))
    with pytest.raises(SourceError, match=r"too large to be meant|9000"):
        open_source(tmp_path, expected_shape=DIGIT)


@pytest.mark.parametrize("name", ["", "..", "../out", "/tmp/out", "a/b", "x" * 300, "a\nb", "a\0b"])
def test_a_name_is_the_name_of_a_folder_and_leads_nowhere_else(tmp_path, name):
    with pytest.raises(RunFolderError, match="the name of a folder inside --folder"):
        gannorm.train({"name": name, "folder": str(tmp_path / "runs")})
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_says_of_itself_is_no_markup(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    attack = "<img src=x onerror=alert(1)>'\"</script><script>alert(2)</script>"
    results = json.loads((run / "results.json").read_text())
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "results.json").write_text(json.dumps(results | {"name": attack, "reason": attack, "status": attack}))
    (run / "config.yaml").write_text(yaml.safe_dump(config | {"name": attack, attack: attack}))
    (run / "events.jsonl").write_text(json.dumps({"images_seen": 64, "state": attack, "text": attack, "modes": []}))
    lines = (run / "metrics.csv").read_text().splitlines()
    (run / "metrics.csv").write_text("\n".join([f'{lines[0]},"{attack[:20]}"', *(f"{line},1" for line in lines[1:])]))
    page = run_page(run)
    assert "<img src=x" not in page
    assert "<script>alert" not in page
