from crossvad.studies import published
from crossvad.studies.references import references


def test_figures_of_a_target_by_what_was_trained_on():
    figures = published.load()
    found = references(figures, ["ped2", "avenue[subset=avenue17]", "path:mine"])
    assert set(found) == {"ped2", "avenue[subset=avenue17]"}
    lines = found["ped2"]
    expected = figures[(figures["target"] == "ped2") & (figures["setting"] != "ablation")]
    assert sorted(line["auc"] for line in lines) == sorted(expected["auc"]) and len(lines) > 20
    sources = [line["source"] for line in lines]
    assert sources[0] == "ped2" and "ped2" not in sources[sources.count("ped2") :]  # itself first, each source together
    own = [line["auc"] for line in lines if line["source"] == "ped2"]
    assert own == sorted(own, reverse=True)


def test_the_protocol_behind_a_figure_is_said_where_it_is_stated():
    lines = references(published.load(), ["ped2"])["ped2"]
    mpn = next(line for line in lines if line["ours"] == "mpn" and line["source"] == "ped2")
    assert mpn["protocol"] == "auc over micro, normalisation video-minmax, smoothing gaussian, support none"
    assert next(line for line in lines if line["method"] == "MPPCA")["protocol"] is None
    assert mpn["shots"] is None  # not stated
