"""Reads a run folder with the packages tensorboard and wandb, and prints what they find as JSON."""
import glob
import json
import subprocess
import sys

import wandb
from tensorboard import version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = sys.argv[1]
everything = {kind: 0 for kind in ("scalars", "images", "tensors", "histograms")}
events = EventAccumulator(run + "/tensorboard", size_guidance=everything)
events.Reload()
tags = events.Tags()
file, = glob.glob(run + "/wandb/offline-run-*/run-*.wandb")
records = subprocess.run([sys.executable, "-m", "wandb", "leet", "inspect", "--json", file], check=True, capture_output=True, text=True).stdout
print(json.dumps({
    "versions": [version.VERSION, wandb.__version__],
    "scalars": {t: [[e.step, e.value] for e in events.Scalars(t)] for t in tags["scalars"]},
    "images": {t: [[e.step, len(e.encoded_image_string)] for e in events.Images(t)] for t in tags["images"]},
    "histograms": {t: [[e.step, *e.histogram_value.bucket] for e in events.Histograms(t)] for t in tags["histograms"]},
    "texts": {t: events.Tensors(t)[0].tensor_proto.string_val[0].decode() for t in tags["tensors"]},
    "records": [json.loads(line) for line in records.splitlines()],
}))
