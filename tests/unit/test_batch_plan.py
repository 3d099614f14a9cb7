"""Planning a batch: what counts, how results are named, and what makes two results the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfa_core.batch.discover import MediaFile, find_media
from mmfa_core.batch.plan import build_plan, readable_names
from mmfa_core.errors import MediaError, NotFoundError
from mmfa_core.inference.options import AnimateOptions

PICTURES = (".jpg", ".png")


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def names_of(*names: str) -> list[str]:
    return readable_names([MediaFile(path=Path(n), name=n, digest="") for n in names])


def find(folder: Path, output: str = "out"):
    return find_media(folder, PICTURES, "picture", folder.parent / output)


def test_files_are_found_in_folders_in_the_order_of_their_names(tmp_path):
    found = find(put(tmp_path / "s", "b.jpg", "a/z.PNG", "a/y.jpg"))
    assert [file.name for file in found.files] == ["a/y.jpg", "a/z.PNG", "b.jpg"]


def test_hidden_files_are_passed_over_in_silence(tmp_path):
    found = find(put(tmp_path / "s", "a.jpg", ".b.jpg", ".c/d.jpg"))
    assert ([f.name for f in found.files], found.passed_over) == (["a.jpg"], ())


def test_what_is_no_picture_is_passed_over_with_a_reason(tmp_path):
    found = find(put(tmp_path / "s", "a.jpg", "notes.txt"))
    assert found.passed_over == (("notes.txt", "its ending is not that of a picture"),)


def test_a_link_to_nothing_is_passed_over_with_a_reason(tmp_path):
    folder = put(tmp_path / "s", "a.jpg")
    (folder / "b.jpg").symlink_to("missing.jpg")
    assert find(folder).passed_over == (("b.jpg", "it is no file, or a link to nothing"),)


def test_a_folder_that_links_to_itself_is_looked_through_once(tmp_path):
    folder = put(tmp_path / "s", "in/a.jpg")
    (folder / "in" / "loop").symlink_to(folder, target_is_directory=True)
    found = find(folder)
    assert [file.name for file in found.files] == ["in/a.jpg"]
    assert found.passed_over == (("in/loop", "the folder was seen already"),)


def test_a_linked_folder_counts(tmp_path):
    put(tmp_path / "elsewhere", "a.jpg")
    folder = put(tmp_path / "s", "b.jpg")
    (folder / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [file.name for file in find(folder).files] == ["b.jpg", "more/a.jpg"]


def test_results_inside_the_folder_do_not_become_sources(tmp_path):
    folder = put(tmp_path / "s", "a.jpg", "out/old.jpg")
    assert [f.name for f in find(folder, output="s/out").files] == ["a.jpg"]


def test_one_folder_can_not_be_source_and_output(tmp_path):
    with pytest.raises(MediaError, match="both what goes in and what comes out"):
        find(put(tmp_path / "s", "a.jpg"), output="s")


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="s is not there"):
        find(tmp_path / "s")


def test_a_file_instead_of_a_folder_is_told(tmp_path):
    with pytest.raises(NotFoundError, match=r"s\.jpg is a file, not a folder"):
        find(put(tmp_path, "s.jpg") / "s.jpg")


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(MediaError, match="There is no picture in s"):
        find(put(tmp_path / "s", "notes.txt"))


def test_names_tell_the_folder_and_are_plain():
    assert names_of("anna/smiling now!.jpg", "Zoë.png") == ["anna-smiling-now", "Zoë"]


def test_files_that_differ_in_their_ending_or_case_only_get_names_of_their_own():
    names = names_of("a.jpg", "a.png", "A.jpg", "b.jpg")
    assert len({name.casefold() for name in names}) == 4
    assert names[3] == "b"


def test_a_name_does_not_depend_on_the_order_of_files():
    assert names_of("a.jpg", "a.png") == names_of("a.png", "a.jpg")[::-1]


def test_underscores_can_not_make_two_pairs_alike():
    left, right = names_of("a__b.jpg", "a.jpg"), names_of("c.mp4", "b__c.mp4")
    assert len({f"{a}__{b}" for a in left for b in right}) == 4


def test_a_name_never_leaves_the_folder_or_grows_without_end():
    for name in names_of("../../etc/x.jpg", "..jpg", "x" * 300 + ".jpg", "///.jpg"):
        assert "/" not in name
        assert 0 < len(name) <= 70


def test_two_names_of_long_letters_make_a_name_that_a_disk_takes():
    left, right = (names_of(f"{letter * 80}.jpg")[0] for letter in "\u4eba\u00e4")
    assert len(f"{left}~12345678__{right}~12345678.mp4".encode()) < 255
    assert left == "\u4eba" * 20


@pytest.fixture
def planned(tmp_path):
    put(tmp_path / "s", "a.jpg", "b.jpg")
    put(tmp_path / "d", "c.mp4", "d.jpg")

    def plan(model="m", dtype=None, **options):
        chosen = AnimateOptions(**options)
        folders = (tmp_path / name for name in "sdo")
        made = build_plan(*folders, chosen, model, dtype)
        return {cell.output: cell.key for cell in made.cells}

    return plan


def test_every_portrait_meets_every_clip_and_a_driving_picture_makes_a_picture(planned):
    assert list(planned()) == ["a__c.mp4", "a__d.png", "b__c.mp4", "b__d.png"]


def test_the_same_plan_has_the_same_keys(planned):
    assert planned() == planned()


@pytest.mark.parametrize("change", [{"smoothing": 0.5}, {"model": "other"}, {"dtype": "float32"}])
def test_another_option_or_model_gives_every_cell_another_key(planned, change):
    assert not set(planned().values()) & set(planned(**change).values())


def test_overwriting_does_not_change_a_key(planned):
    assert planned() == planned(overwrite=True)


def test_a_changed_portrait_changes_the_keys_of_its_row_only(planned, tmp_path):
    before = planned()
    (tmp_path / "s" / "a.jpg").write_bytes(b"another")
    after = planned()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"a__c.mp4", "a__d.png"}
