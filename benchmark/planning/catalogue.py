"""What comes with the benchmark, by name: methods, tunings and data sets, each where its class is.

Imports nothing heavy, so that commands can list and complete names at once.
"""

from __future__ import annotations

from crossvad.planning import plugins

METHODS = {
    "apn": "crossvad.adapters.methods.apn:Apn",
    "apn-released": "crossvad.adapters.methods.apn_released:ApnReleased",
    "mpn": "crossvad.adapters.methods.mpn:Mpn",
    "lmn": "crossvad.adapters.methods.lmn:Lmn",
    "lmn-recon": "crossvad.adapters.methods.lmn:LmnReconstruction",
    "memae": "crossvad.adapters.methods.memae:MemAE",
    "memae-2d": "crossvad.adapters.methods.memae:MemAE2d",
    "amc": "crossvad.adapters.methods.amc:Amc",
    "convae": "crossvad.adapters.methods.convae:ConvAe",
    "framepred": "crossvad.adapters.methods.framepred:FramePrediction",
    "rgan": "crossvad.adapters.methods.rgan:RGan",
    "zxvad": "crossvad.adapters.methods.zxvad:ZxVad",
    "stackrnn": "crossvad.adapters.methods.stackrnn:StackRnn",
    "tsc": "crossvad.adapters.methods.tsc:Tsc",
    "after-mt-frcn": "crossvad.adapters.methods.after_mt_frcn:AfterMtFrcn",
    "knn": "crossvad.adapters.methods.knn:NearestNeighbours",
    "mdt": "crossvad.adapters.methods.mdt:Mdt",
    "mppca": "crossvad.adapters.methods.mppca:Mppca",
    "unmasking": "crossvad.adapters.methods.unmasking:Unmasking",
    "sdor": "crossvad.adapters.methods.sdor:Sdor",
    "random": "crossvad.adapters.methods.baselines:Random",
    "ramp": "crossvad.adapters.methods.baselines:Ramp",
    "framediff": "crossvad.adapters.methods.baselines:FrameDifference",
    "extrapolate": "crossvad.adapters.methods.baselines:Extrapolate",
    "support-mean": "crossvad.adapters.methods.baselines:SupportMean",
    "speed": "crossvad.adapters.methods.baselines:Speed",
}
DEFAULT_METHODS = ("apn", "memae", "lmn")  # of a run that names none
BASELINES = ("random", "ramp", "framediff", "extrapolate", "support-mean", "speed")  # rows that no table goes without
NO_TUNING = "none"
TUNINGS = {
    NO_TUNING: "crossvad.adapters.tunings.base:NoTuning",
    "finetune": "crossvad.adapters.tunings.gradient:FineTune",
    "head": "crossvad.adapters.tunings.gradient:HeadTuning",
    "norm": "crossvad.adapters.tunings.norm:NormTuning",
    "maml": "crossvad.adapters.tunings.meta:Maml",
    "anil": "crossvad.adapters.tunings.meta:Anil",
    "metasgd": "crossvad.adapters.tunings.meta:MetaSgd",
}
LOCAL = "local"  # the launcher of no process but the run's own
LAUNCHERS = {
    "processes": "crossvad.execution.launchers.processes:Processes",
    "ray": "crossvad.execution.launchers.ray_cluster:RayCluster",
    "slurm": "crossvad.execution.launchers.slurm:Slurm",
}
ARCHIVES = {
    "ped1": "crossvad.datasets.published.ucsd:Ped1",
    "ped2": "crossvad.datasets.published.ucsd:Ped2",
    "avenue": "crossvad.datasets.published.avenue:Avenue",
    "shanghaitech": "crossvad.datasets.published.shanghaitech:ShanghaiTech",
    "ucf": "crossvad.datasets.published.ucf_crime:UcfCrime",
}
DRAWN = "synthetic-cameras"  # of which another seed is other cameras
RENDERED = {  # these need no data
    "synthetic-street": "crossvad.datasets.synthetic.dataset:street",
    "synthetic-plaza": "crossvad.datasets.synthetic.dataset:plaza",
    DRAWN: "crossvad.datasets.synthetic.dataset:cameras",
}
OUR_DATASETS = (*ARCHIVES, *RENDERED)


def method_names() -> list[str]:
    """Every method that can be named, those of installed packages last."""
    return [*METHODS, *plugins.offered(plugins.METHODS, METHODS)]


def tuning_names() -> list[str]:
    """Every tuning that can be named, those of installed packages last."""
    return [*TUNINGS, *plugins.offered(plugins.TUNINGS, TUNINGS)]


def dataset_names() -> list[str]:
    """Every dataset that can be named, those of installed packages last; `path:DIR` comes on top."""
    return [*OUR_DATASETS, *plugins.offered(plugins.DATASETS, OUR_DATASETS)]
