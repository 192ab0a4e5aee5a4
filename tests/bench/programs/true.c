/* true.c - a program that does nothing, linked statically with the C library: the cheapest thing a
 * judge would really be sent; what every launcher of the bench starts. */
int main(void)
{
    return 0;
}
