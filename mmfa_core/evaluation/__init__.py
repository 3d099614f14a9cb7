"""Measure a model: metrics, protocols and the report; nothing here is needed to animate.

In: a model and a folder of held-out people. Out: rows of figures as JSON and Markdown.
Knows nothing about training. Importing it does no work; heavy nets load inside functions.
"""
