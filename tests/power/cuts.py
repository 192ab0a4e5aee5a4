"""cuts.py - a disk with a write-back cache that loses power: what a virtual machine wrote and flushed, as QEMU's
blklogwrites driver recorded it, and then any part of what it wrote after its last flush.

The record may be cut anywhere behind the place that it had reached when the last promise was heard: a real cut could
have come there."""
import random
import shutil
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SECTOR = 512  # of the log; what it says of the disk counts in these, too


def arguments(image, log):
    """QEMU's for a virtio disk on `image` whose writes and flushes are recorded in the file `log`. The host itself
    loses no power, so what the guest flushes need not be flushed there."""
    return ["-blockdev", f"driver=file,filename={image},node-name=image,cache.no-flush=on",
            "-blockdev", f"driver=file,filename={log},node-name=log,cache.no-flush=on",
            "-blockdev", "driver=blklogwrites,node-name=recorded,file=image,log=log,log-sector-size=512",
            "-device", "virtio-blk-pci,drive=recorded,write-cache=on"]


def entries(log):
    """(place in the log, first sector, flags, bytes) in the log's order, until it ends or was torn."""
    with open(log, "rb") as f:
        head = f.read(SECTOR)
        magic, _, _, sector_bytes = struct.unpack_from("<QQQI", head)
        if magic != MAGIC:
            raise ValueError(f"{log}: not a log of writes")
        f.seek(sector_bytes)
        while True:
            raw = f.read(sector_bytes)
            if len(raw) < sector_bytes or not any(raw):
                return
            sector, count, flags, _ = struct.unpack_from("<QQQQ", raw)
            data = b"" if flags & DISCARD else f.read(count * sector_bytes)
            if not flags & DISCARD and len(data) < count * sector_bytes:
                return
            yield f.tell(), sector, flags, data


def cut(base, image, log, heard_bytes, seed):
    """Make `image` what is left of `base` after the log and a loss of power, somewhere behind `heard_bytes` of the
    log: (writes kept for sure, writes that were not flushed, sectors of these that were lost)."""
    rng = random.Random(seed)
    recorded = [e for e in entries(log) if not e[2] & (DISCARD | MARK)]
    heard = sum(e[0] <= heard_bytes for e in recorded)
    recorded = recorded[:rng.randint(heard, len(recorded))]
    flushed = max((i + 1 for i, e in enumerate(recorded) if e[2] & FLUSH), default=0)
    keep_part = rng.random()  # of the cache: sometimes nearly all of it, sometimes next to nothing
    lost = 0
    shutil.copyfile(base, image)
    with open(image, "r+b") as f:
        for i, (_, sector, flags, data) in enumerate(recorded):
            for at in range(0, len(data), SECTOR):
                if i >= flushed and not flags & FUA and rng.random() > keep_part:
                    lost += 1
                    continue
                f.seek(sector * SECTOR + at)
                f.write(data[at:at + SECTOR])
    return flushed, len(recorded) - flushed, lost
