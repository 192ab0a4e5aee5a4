/* inside_drop.c - dropping ids and capabilities; runs in a cell's init and command, between clone
 * and exec. */
#include "sandbox/inside_drop.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/inside.h"

int inside_drop_bounding(struct err *e)
{
    for (int cap = 0; cap <= 63; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap) == 0)
            continue;
        if (errno == EINVAL && cap > CAP_CHOWN)
            return 0; /* past the last capability this kernel knows */
        return err_sys(e, "drop capability %d from the bounding set", cap);
    }
    return 0;
}

int inside_drop_all(bool caps, struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, "set no_new_privs");
    if (!caps)
        return 0;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return err_sys(e, "clear ambient capabilities");
    if (syscall(SYS_capset, &header, data) < 0)
        return err_sys(e, "capset");
    if (syscall(SYS_capget, &header, data) < 0)
        return err_sys(e, "capget");
    for (int i = 0; i < 2; i++)
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
            return err_set(e, ERR_BUG, 0, "capabilities are left after capset");
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_sys(e, "become undumpable");
    return 0;
}

int inside_own(uid_t id, struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (setresuid((uid_t)-1, id, (uid_t)-1) < 0 || syscall(SYS_capget, &header, data) < 0)
        return err_sys(e, "take the id that owns the cell");
    /* Some hosts let only the privileged make user namespaces. */
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted;
    return syscall(SYS_capset, &header, data) < 0 ? err_sys(e, "keep capabilities") : 0;
}

int inside_become(unsigned id, struct err *e)
{
    if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        return err_sys(e, "become id %u of the cell", id);
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
        return err_sys(e, "read ids back");
    for (int i = 0; i < 3; i++)
        if (u[i] != id || g[i] != id)
            return err_set(e, ERR_BUG, 0, "ids did not change");
    return 0;
}
