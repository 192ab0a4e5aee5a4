/* tries:  to find segments of others by index and to read the system's totals
 * layer:  ipc_ns
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    struct shm_info info = { 0 };
    struct shmid_ds ds;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    for (int i = 0; i <= (highest > 100 ? 100 : highest); i++)
        if (shmctl(i, SHM_STAT_ANY, &ds) >= 0)
            escaped("segment at index %d of %zu bytes", i, ds.shm_segsz);
    if (info.used_ids > 0)
        escaped("%d segments in use", info.used_ids);
    contained("none");
}
