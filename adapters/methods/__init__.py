"""Methods, one file each, which reads like its paper's method section."""
