"""Anybody's pictures: read as they are, held out once and for all, and what cannot be read is named and counted."""

import numpy as np
import pytest
import torch
from PIL import Image

from gannorm import rng
from gannorm.data import DataError, ImageFiles, to_images


def picture(number, mode="RGB", size=(8, 8)):
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    array = np.random.default_rng(number).integers(0, 256, (*size[::-1], *channels), dtype=np.uint8)
    return Image.fromarray(array, mode=None)


def pixels_of(number):
    return torch.from_numpy(np.array(picture(number))).permute(2, 0, 1)


@pytest.fixture
def flat(tmp_path):
    for number in range(20):
        picture(number).save(tmp_path / f"{number:02d}.png")
    return tmp_path


@pytest.fixture
def classes(tmp_path):
    for number in range(30):
        folder = tmp_path / ("dogs" if number % 3 else "cats") / "deeper"
        folder.mkdir(parents=True, exist_ok=True)
        picture(number).save(folder / f"{number:02d}.png")
    return tmp_path


def all_of(data):
    held_out, labels = data.held_out()
    pixels, train_labels = data.training
    return torch.cat([to_images(pixels), held_out]), torch.cat([train_labels, labels])


def test_a_flat_folder_has_no_classes(flat):
    data = ImageFiles(path=str(flat), batch_size=9)
    assert (data.name, data.image_shape, data.num_modes, data.prior) == ("image_files", (3, 8, 8), None, None)
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (9, 3, 8, 8)
    assert labels.tolist() == [-1] * 9
    assert len(data.held_out()[0]) == 2
    found = {image.numpy().tobytes() for image in all_of(data)[0]}
    assert found == {to_images(pixels_of(number)).contiguous().numpy().tobytes() for number in range(20)}
    real, modes = data.real(5, rng.generator(0))
    assert real.shape == (5, 3, 8, 8)
    assert modes.tolist() == [-1] * 5


def test_a_folder_of_folders_has_the_classes_of_image_folder(classes):
    from torchvision.datasets import ImageFolder

    data = ImageFiles(path=str(classes), batch_size=9, held_out_share=0.0)
    theirs = ImageFolder(classes)
    assert data.num_modes == len(theirs.classes)
    assert data.training[1].tolist() == theirs.targets
    for pixels, (other, _) in zip(data.training[0], theirs, strict=True):
        assert torch.equal(pixels, torch.from_numpy(np.array(other)).permute(2, 0, 1))


def test_a_share_of_each_class_is_held_out_and_never_trained_on(classes):
    one, other = (ImageFiles(path=str(classes), batch_size=9, seed=seed, held_out_share=0.2) for seed in (0, 1))
    assert torch.bincount(one.held_out()[1]).tolist() == [2, 4]
    assert torch.equal(one.held_out()[0], other.held_out()[0])
    again = ImageFiles(path=str(classes), batch_size=9, held_out_share=0.2, held_out_seed=1)
    assert not torch.equal(one.held_out()[0], again.held_out()[0])
    trained = {image.numpy().tobytes() for image in to_images(one.training[0])}
    assert not trained & {image.numpy().tobytes() for image in one.held_out()[0]}
    assert len(trained) == 24
    assert one.prior.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_shares_thin_classes(classes):
    data = ImageFiles(path=str(classes), batch_size=2, shares=[1.0, 1.0])
    assert data.prior.tolist() == [0.5, 0.5]
    _, modes = data.real(200, rng.generator(0))
    assert modes.float().mean().item() == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("layout", [(0, 2, 3, 1), (0, 1, 2, 3)], ids=["NHWC", "NCHW"])
@pytest.mark.parametrize("keys", [("images", "labels"), ("samples", "y"), ("x", "y"), ("arr_0", "labels")], ids=str)
def test_an_archive_in_either_layout(tmp_path, layout, keys):
    pixels = torch.stack([pixels_of(number) for number in range(20)])
    labels = np.arange(20, dtype=np.uint8) % 4
    np.savez(tmp_path / "x.npz", **{keys[0]: pixels.numpy().transpose(layout), keys[1]: labels})
    data = ImageFiles(path=str(tmp_path / "x.npz"), batch_size=9, held_out_share=0.0)
    assert torch.equal(data.training[0], pixels)
    assert data.training[1].tolist() == labels.tolist()
    assert data.num_modes == 4


def test_an_archive_of_grey_pictures_without_labels(tmp_path):
    np.savez(tmp_path / "x.npz", np.zeros((20, 8, 8), np.uint8))
    data = ImageFiles(path=str(tmp_path / "x.npz"), batch_size=9)
    assert (data.image_shape, data.num_modes) == ((1, 8, 8), None)


def test_grey_pictures_have_one_channel_unless_one_is_coloured(tmp_path):
    for number in range(3):
        picture(number, "L").save(tmp_path / f"{number}.png")
    assert ImageFiles(path=str(tmp_path), batch_size=1).image_shape == (1, 8, 8)
    picture(3, "RGBA").save(tmp_path / "3.png")
    assert ImageFiles(path=str(tmp_path), batch_size=1).image_shape == (3, 8, 8)


def test_cut_off_and_unreadable_pictures_are_named_and_counted(flat):
    whole = (flat / "03.png").read_bytes()
    (flat / "03.png").write_bytes(whole[: len(whole) // 2])
    (flat / "07.jpg").write_bytes(b"no picture at all")
    Image.fromarray(np.zeros((8, 8), np.int32)).save(flat / "09.tiff")
    with pytest.raises(DataError) as error:
        ImageFiles(path=str(flat))
    message = str(error.value)
    assert "\n" not in message
    assert "3 of 22 pictures cannot be read: 03.png (" in message
    assert "07.jpg (cannot identify image file)" in message
    assert "09.tiff (of mode I, not of 8 bits)" in message
    assert message.endswith("replace or remove them")


def test_a_picture_cut_off_at_any_place_is_noticed(tmp_path):
    picture(0).save(tmp_path / "0.png")
    whole = (tmp_path / "0.png").read_bytes()
    for length in range(0, len(whole) - 12, 13):  # the last 12 bytes are the end mark, after all pixels
        (tmp_path / "0.png").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"1 of 1 pictures cannot be read: 0\.png \("):
            ImageFiles(path=str(tmp_path), batch_size=1)


def test_pictures_of_several_sizes_are_resized_only_when_asked(flat):
    picture(50, size=(12, 8)).save(flat / "z.png")
    with pytest.raises(DataError, match=r"2 sizes \(20 of 21 have 8x8, z.png has 12x8\); size=N resizes all to NxN$"):
        ImageFiles(path=str(flat))
    data = ImageFiles(path=str(flat), size=8, held_out_share=0.0, batch_size=9)
    assert data.image_shape == (3, 8, 8)
    middle = torch.from_numpy(np.array(picture(50, size=(12, 8)))[:, 2:10]).permute(2, 0, 1)
    assert torch.equal(data.training[0][-1], middle)
    assert torch.equal(data.training[0][0], pixels_of(0))
    assert ImageFiles(path=str(flat), size=4, batch_size=9).image_shape == (3, 4, 4)


def test_an_archive_can_be_resized(tmp_path):
    np.savez(tmp_path / "x.npz", np.full((20, 8, 6, 3), 7, np.uint8))
    data = ImageFiles(path=str(tmp_path / "x.npz"), size=4, batch_size=9)
    assert data.image_shape == (3, 4, 4)
    assert (data.training[0] == 7).all()


def test_other_files_are_left_out_and_it_is_said(flat, capsys):
    (flat / "readme.txt").write_text("pictures of noise")
    (flat / ".hidden").write_text("")
    ImageFiles(path=str(flat), batch_size=9)
    assert "1 files are no pictures and are left out: readme.txt" in capsys.readouterr().err


def test_folders_that_cannot_be_read_say_why(tmp_path):
    for make, words in (
        (lambda: None, r"holds no picture \(\.bmp, "),
        (lambda: (tmp_path / "cats").mkdir(), "no picture of class cats: remove the empty folder"),
        (lambda: picture(0).save(tmp_path / "0.png"), "holds both pictures, such as 0.png, and folders"),
    ):
        make()
        with pytest.raises(DataError, match=rf"^path={tmp_path}[^\n]*{words}[^\n]*$"):
            ImageFiles(path=str(tmp_path))


def zeros(*shape, kind=np.uint8):
    return np.zeros(shape, kind)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": zeros(9, 8, 8, 3, kind=np.float32)}, r"float32 \(9, 8, 8, 3\): save them as uint8"),
        ({"images": zeros(9, 8, 8, 4)}, "with 1 or 3 channels"),
        ({"images": zeros(0, 8, 8, 3)}, "there is none"),
        ({"pictures": zeros(9, 8, 8, 3)}, "has pictures: name the images images, samples, x, arr_0"),
        ({"images": zeros(9, 8, 8, 3), "labels": zeros(8)}, "give 9 whole numbers"),
        ({"images": zeros(9, 8, 8, 3), "labels": zeros(9, kind=np.float64)}, "labels are float64"),
        ({"images": zeros(9, 8, 8, 3), "labels": zeros(9, kind=np.int64) - 1}, "number the classes from 0 on"),
        ({"images": np.array([None] * 9)}, "is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archives_that_are_none_say_why(tmp_path, arrays, words):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=rf"^path={tmp_path}/x.npz[^\n]*{words}[^\n]*$"):
        ImageFiles(path=str(tmp_path / "x.npz"))


@pytest.mark.parametrize("left", [0, 10, 300])
def test_a_cut_off_archive_is_one_line(tmp_path, left):
    np.savez_compressed(tmp_path / "x.npz", images=np.stack([np.asarray(picture(number)) for number in range(9)]))
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:left])
    with pytest.raises(DataError, match=r"^[^\n]*x.npz is damaged [^\n]*$"):
        ImageFiles(path=str(tmp_path / "x.npz"))


def test_an_array_that_is_no_archive_is_one_line(tmp_path):
    with (tmp_path / "x.npz").open("wb") as file:
        np.save(file, zeros(9, 8, 8, 3))
    with pytest.raises(DataError, match=r"^[^\n]*x.npz is damaged [^\n]*$"):
        ImageFiles(path=str(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"held_out_share": 1.0}, "held_out_share=1.0"),
        ({"size": 0}, "size=0"),
        ({"batch_size": 19}, "choose 1 to 18"),
        ({"shares": [1.0]}, "have no classes"),
        ({"path": "no/such"}, "path=no/such is not there"),
    ],
)
def test_options_that_do_not_fit(flat, options, words):
    with pytest.raises(DataError, match=rf"^[^\n]*{words}[^\n]*$"):
        ImageFiles(**{"path": str(flat), **options})


def test_a_class_without_held_out_pictures_cannot_be_drawn(classes):
    data = ImageFiles(path=str(classes), batch_size=9, held_out_share=0.0)
    with pytest.raises(DataError, match="no held-out sample of class 0: hold more of the data out"):
        data.real(10, rng.generator(0))
