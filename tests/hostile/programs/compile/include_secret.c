/* tries:  to have the compiler show files of the host
 * layer:  root, image
 * stage:  compile
 * expect: compile_error */
#include "/root/minos-canary"
#include "/etc/shadow"
#include "/etc/minos-canary"
#include "/proc/1/environ"
#include "/proc/self/environ"

int main(void)
{
    return 0;
}
