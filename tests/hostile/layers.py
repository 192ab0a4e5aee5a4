"""The proof that the corpus can see: layers of the cell are switched off one at a time, in a build that
has switches (LAYERS=1), and the programs that name the layer must notice."""
import os
import re
import shutil
import signal
import time

import corpus
import host
import lanes
from starter import Root

NOTICED_MIN = 3
# Without these a compiler that is made to work for ever does so until another limit ends it: too long.
BOUNDS = ("cpu", "wall", "memory", "files")
SETTLE_S = 1.0
# No switch of the keeper: the whole file system of the host as the cell's image.
ROOT = "root"
ROOT_OPTIONS = ("--image-dir", "all=/", "--image", "all")
# Only the service collects files.
BY_SERVICE = "collector"


def names(repo):
    with open(os.path.join(repo, "sandbox/layers.def"), encoding="utf-8") as f:
        return re.findall(r'^LAYER\(\w+,\s*"(\w+)"', f.read(), re.M) + [ROOT]


def layered_programs(place):
    """The service's programs with the keeper that has switches."""
    folder = os.path.join(place.work, "layered")
    os.mkdir(folder)
    for name in ("minos", "minos-server", "minos-worker", "minos-courier"):
        shutil.copy2(os.path.join(place.build, name), folder)
    shutil.copy2(os.path.join(place.more["layers"], "minos-box"), folder)
    return folder


class Trial:
    """Runs programs with one layer off and says which of them noticed."""

    def __init__(self, place, machine, faults_of, run_pair):
        self.place, self.machine = place, machine
        self.faults_of, self.run_pair = faults_of, run_pair

    def notices(self, lane, program):
        answers = self.run_pair(lane, program) if program.twice else [lane.run(program)]
        faults = [f for a in answers for f in self.faults_of(program, a, self.place.canaries)]
        return faults or self.leftovers(lane)

    def leftovers(self, lane):
        deadline = time.monotonic() + SETTLE_S
        found = self.machine.changes(lane.starter)
        while found and time.monotonic() < deadline:
            time.sleep(0.05)
            found = self.machine.changes(lane.starter)
        return found

    def clean(self, lane):
        """What this program left must not count for the next."""
        for text in host.processes(lane.starter):
            try:
                os.kill(int(text.split()[1]), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.machine.rebase()

    def run(self, lane, programs):
        noticed = []
        for program in programs:
            if self.notices(lane, program):
                noticed.append(program.name)
                self.clean(lane)
        return noticed


def lane_for(layer, place, machine, builder, starter, folder):
    off = {"MINOS_LAYERS_OFF": layer}
    box = os.path.join(folder, "minos-box")
    if layer == ROOT:
        return lanes.BoxLane(place, starter, machine, builder, box, {}, ROOT_OPTIONS)
    if layer == BY_SERVICE:
        return lanes.HttpLane(place, starter, machine, folder, off)
    return lanes.BoxLane(place, starter, machine, builder, box, off)


def run(wanted, place, programs, score, faults_of, run_pair):
    builder = corpus.Builder(os.path.join(place.build, "hostile"),
                             os.path.join(place.repo, "tests/hostile/programs/hostile.h"))
    starter = Root(100_000_000 + os.getpid() % 200 * host.CELL_IDS)
    place.canaries.new("answer")
    machine = host.Host(place)
    folder = layered_programs(place)
    trial = Trial(place, machine, faults_of, run_pair)
    for layer in wanted or names(place.repo):
        began = time.monotonic()
        lane = lane_for(layer, place, machine, builder, starter, folder)
        machine.rebase()
        chosen = [p for p in programs if layer in p.layers and lane.name in p.via
                  and not (layer in BOUNDS and p.compile_stage)]
        noticed = trial.run(lane, chosen)
        if layer == BY_SERVICE:
            lane.stop()
        print(f"{layer:12} noticed by {len(noticed):2} of {len(chosen):2} ({time.monotonic() - began:.0f} s): "
              f"{' '.join(noticed)}", flush=True)
        few = len(noticed) < NOTICED_MIN
        score.add(f"layer {layer}", [f"noticed by {len(noticed)}, not {NOTICED_MIN}"] if few else [])
