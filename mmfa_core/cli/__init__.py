"""The command line: animate, edit, interpolate, keypoints, train, evaluate, bench."""
