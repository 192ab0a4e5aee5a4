/* tries:  to have the compiler show files of the host
 * layer:  root, image
 * stage:  compile
 * expect: compile_error */
#include "/etc/minos-canary"
#include "/etc/shadow"
#include "/proc/1/environ"
#include "/proc/self/environ"
#include "/root/minos-canary"

int main(void)
{
    return 0;
}
