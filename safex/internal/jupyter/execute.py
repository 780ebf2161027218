"""Runs a notebook from its first cell to its last, and writes it with what its cells put out, up to one that fails."""

import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

source, folder, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
failed = ""
try:
    NotebookClient(notebook, timeout=1800, kernel_name="gonb", resources={"metadata": {"path": folder}}).execute()
except CellExecutionError:  # the notebook says which, and why
    failed = "a cell failed"
except CellTimeoutError:
    failed = "a cell took longer than 30 minutes"
except DeadKernelError:
    failed = "the kernel died, as it does where memory is short"
nbformat.write(notebook, target)
sys.exit(failed or 0)
