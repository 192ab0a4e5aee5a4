// tries:  diagnostics as long as a book, from templates that fail at depth
// layer:  output, memory, cpu
// stage:  compile
// expect: compile_error
#include <map>
#include <string>
#include <vector>
template <int N> struct t { static auto f(std::map<std::string, std::vector<t>> m) { return t<N - 1>::f(m, std::map<std::string, std::map<t, t<N - 1>>>()); } };
int main() { return t<400>::f(1, 2, 3); }
