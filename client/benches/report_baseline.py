"""A page of a job's surfaces, heat maps and IOPS, as people make it: LIBRARY DATA.json PAGE.html. Prints its seconds."""

import time

BEGIN = time.monotonic()

import base64  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402


def labels(limits):
    return [f"<= {limit}" for limit in limits] + ["more"]


def with_plotly(data):
    import plotly.graph_objects as go

    parts = []
    for name, surface in data["surfaces"].items():
        for draw in (go.Surface, go.Heatmap):
            figure = go.Figure(draw(z=surface["counts"], x=labels(surface["limits"])))
            figure.update_layout(title=name)
            parts.append(figure.to_html(full_html=False, include_plotlyjs=not parts))
    figure = go.Figure(go.Scatter(y=data["iops"]))
    parts.append(figure.to_html(full_html=False, include_plotlyjs=False))
    return parts


def with_matplotlib(data):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    parts = []

    def keep(figure):
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        plt.close(figure)
        parts.append(f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}">')

    for name, surface in data["surfaces"].items():
        counts = np.array(surface["counts"])
        x, y = np.meshgrid(range(counts.shape[1]), range(counts.shape[0]))
        figure = plt.figure(figsize=(16, 6))
        axes = figure.add_subplot(1, 2, 1, projection="3d")
        axes.plot_surface(x, y, counts, cmap="viridis")
        axes.set_title(name)
        beside = figure.add_subplot(1, 2, 2)
        beside.imshow(counts.T, aspect="auto", origin="lower")
        beside.set_yticks(range(counts.shape[1]), labels(surface["limits"]), fontsize=6)
        keep(figure)
    figure = plt.figure(figsize=(16, 5))
    figure.add_subplot().plot(data["iops"])
    keep(figure)
    return parts


library, source, page = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    job = json.load(file)
made = {"plotly": with_plotly, "matplotlib": with_matplotlib}[library](job)
with open(page, "w", encoding="utf-8") as file:
    file.write("<!DOCTYPE html><meta charset=utf-8>" + "".join(made))
print(time.monotonic() - BEGIN)
