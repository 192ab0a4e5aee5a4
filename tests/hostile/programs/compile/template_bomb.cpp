// tries:  templates that double at each of sixty levels
// layer:  memory, cpu
// stage:  compile
// expect: compile_error
template <int N, int M> struct t { typedef typename t<N - 1, M * 2>::x a; typedef typename t<N - 1, M * 2 + 1>::x b; typedef t x; };
template <int M> struct t<0, M> { typedef t x; };
int main() { return sizeof(t<60, 0>::x); }
