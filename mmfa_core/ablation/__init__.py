"""Ablations: the same short training again and again, each time with one thing changed.

In: a corpus and a base configuration. Out: one table, a row a variant, over seeds.
Knows nothing about how a model is trained (training/) or how a figure is made (evaluation/).
"""
