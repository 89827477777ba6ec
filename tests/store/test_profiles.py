from crossvad.store import profiles
from crossvad.store.store import Store
from profile_made import profile


def test_what_was_kept_is_read_in_the_order_in_which_it_was_made(store):
    later, first = profile("mpn", finished="2025-02"), profile("lmn", finished="2025-01", adaptation=())
    for each in (later, first):
        profiles.keep(store, each)
    assert list(profiles.stored(store)) == [first, later]


def test_another_measurement_of_the_same_takes_its_place_and_of_anything_else_does_not(store):
    profiles.keep(store, profile(throughput=1.0))
    profiles.keep(store, profile(throughput=2.0))
    assert [each.throughput for each in profiles.stored(store)] == [2.0]
    for change in ({"machine": "Difference engine"}, {"size": 128}, {"method": "mpn"}, {"method_version": "2"}):
        profiles.keep(store, profile(**change))
    assert len(profiles.stored(store)) == 5


def test_what_cannot_be_read_is_left_out(store):
    profiles.keep(store, profile())
    for name, text in (("a", ""), ("b", "[]"), ("c", '{"method": "lmn"}'), ("d", '{"adaptation": [{"shots": 1}]}')):
        folder = store.place(profiles.KIND, name)
        folder.mkdir()
        (folder / profiles.FILE).write_text(text)
    assert [each.method for each in profiles.stored(store)] == ["lmn"]


def test_an_empty_store_has_none(store):
    assert list(profiles.stored(store)) == []


def test_speeds_are_of_the_machine_that_was_measured_last(store):
    size = {"size": 64, "width": 16, "channels": 1}  # budget quick's
    for each in (
        profile("apn", throughput=1.0, machine="Antikythera", finished="2025-01", **size),
        profile("lmn", throughput=2.0, finished="2025-02", **size),
        profile("lmn", throughput=3.0, finished="2025-03", device="cuda", machine="Colossus", **size),
        profile("mpn", throughput=4.0, finished="2025-04", **(size | {"size": 128})),  # no cell is of this size
    ):
        profiles.keep(store, each)
    assert profiles.speeds(store) == {("lmn", "1.1", "quick", "cpu"): 2.0, ("lmn", "1.1", "quick", "cuda"): 3.0}
    assert profiles.speeds(Store(store.root.parent, only="reference")) == {}
