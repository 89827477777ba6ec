"""Files to frames and labels: video, folders of images, label arrays, and the decode-once cache."""
