// tries:  nested types that javac infers in exponential time
// layer:  cpu, memory, wall
// stage:  compile
// expect: compile_error accepted
// limits: cpu_time_ms=8000 wall_time_ms=20000
import java.util.function.Function;
public class Main {
    static <T> T f(T a, T b) { return a; }
    static <A, B> Function<A, B> g(Function<A, B> x, Function<A, B> y) { return x; }
    public static void main(String[] a) {
        Object o = f(f(f(f(f(f(f(f(f(f(1, "a"), 2.0), 'c'), 1L), 1f), new int[0]), new Object()), Main.class), null), f(f(f(f(f(f(f(f(1, "a"), 2.0), 'c'), 1L), 1f), new int[0]), new Object()), Main.class));
        g(x -> g(y -> g(z -> g(w -> w, w -> z), z -> y), y -> x), x -> x);
    }
}
