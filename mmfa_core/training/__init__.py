"""Training: corpus, teacher labels, pairs, one readable loop, exact resume.

In: a folder of shards, or of clips and portraits. Out: weights and metrics.
Knows nothing about inference, files of users at run time, or pages.
"""
