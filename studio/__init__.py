"""The web page: sliders, tabs and messages over the facade of mmfa_core.

In: an Animator. Out: a Gradio page. Knows nothing about networks, tensors or files of weights.

The page comes with the next release; until then `app.py` animates the shipped examples.
"""
