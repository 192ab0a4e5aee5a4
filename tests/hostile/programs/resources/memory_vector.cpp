// tries:  to use more than its memory and to catch the failure
// layer:  memory
// expect: memory_limit
#include <iostream>
#include <new>
#include <vector>

int main()
{
    std::vector<std::vector<char>> all;
    try {
        for (int i = 0; i < 48; i++)
            all.emplace_back(4 << 20, 1);
    } catch (const std::bad_alloc &) {
        std::cout << "CONTAINED: bad_alloc\n";
        return 0;
    }
    std::cout << "ESCAPED: 192 MiB with a limit of 64\n";
}
