"""Where the processes of `bench run --jobs N` are: on this machine, on a Ray cluster, on a Slurm cluster."""
