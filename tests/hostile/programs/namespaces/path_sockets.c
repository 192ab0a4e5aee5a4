/* tries:  sockets of daemons: docker, containerd, dbus, systemd, syslog, the judge's own
 * layer:  mount_ns, root
 * expect: accepted */
#include "hostile.h"

int main(void)
{
    static const char *const paths[] = { "/run/minos-canary.sock", "/var/run/docker.sock",
                                         "/run/containerd/containerd.sock",
                                         "/run/dbus/system_bus_socket", "/run/systemd/notify",
                                         "/run/systemd/journal/dev-log", "/dev/log",
                                         "/var/lib/minos/run/box.sock", "/run/minos/box.sock" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        snprintf(to.sun_path, sizeof to.sun_path, "%s", paths[i]);
        for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type += type == SOCK_STREAM ? 1 : 3) {
            int fd = socket(AF_UNIX, type, 0);
            if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
                escaped("connected to %s", paths[i]);
            close(fd);
        }
    }
    contained("none is there");
}
