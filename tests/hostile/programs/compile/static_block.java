// tries:  a constant that javac must fold without end, and a class of enormous size
// layer:  cpu, memory
// stage:  compile
// expect: compile_error accepted
// limits: cpu_time_ms=8000 wall_time_ms=20000
public class Main {
    static final String A = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static final String B = A + A + A + A + A + A + A + A, C = B + B + B + B + B + B + B + B, D = C + C + C + C + C + C + C + C;
    static final String E = D + D + D + D + D + D + D + D, F = E + E + E + E + E + E + E + E, G = F + F + F + F + F + F + F + F;
    static final String H = G + G + G + G + G + G + G + G;
    public static void main(String[] a) { System.out.println(H.length()); }
}
