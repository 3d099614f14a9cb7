"""The command line: animate, motion, edit, interpolate, keypoints, train, evaluate, bench."""
