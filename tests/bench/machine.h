/* machine.h - what the figures were measured on, and what the kernel holds while they are. */
#pragma once

#include <stdint.h>

struct machine {
    char kernel[128];     /* release and machine */
    char cpu[128];        /* the model's name */
    char file_system[64]; /* of the working directory: durable writes go there */
    int core_count;       /* that this process may use */
};

void machine_read(struct machine *m, const char *work_dir);

/* The load of the last minute, as in /proc/loadavg. */
double machine_load(void);

/* One look at the kernel's own accounts of the whole machine. */
struct machine_use {
    int64_t busy_ns;         /* cpu time spent since boot, in steps of a clock tick */
    int64_t available_bytes; /* MemAvailable */
    int64_t slab_bytes;      /* kernel objects that memory pressure cannot free */
    int64_t group_count;     /* control groups, dying ones included */
    int64_t mount_count;     /* in our own mount namespace */
};

struct machine_use machine_use(void);
