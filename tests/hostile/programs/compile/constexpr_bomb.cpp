// tries:  a computation at compile time without end
// layer:  cpu, memory
// stage:  compile
// expect: compile_error
constexpr long f(long n) { long s = 0; for (long i = 0; i < n; i++) for (long j = 0; j < n; j++) s += i ^ j; return s; }
constexpr long x = f(1000) + f(1001), y = f(200000);
int main() { return x + y; }
