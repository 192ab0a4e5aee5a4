// tries:  thousands of threads from a runtime with many of its own
// layer:  pids
// expect: process_limit runtime_error memory_limit
// limits: cpu_time_ms=8000 wall_time_ms=20000
public class Main {
    public static void main(String[] a) {
        int born = 0;
        try {
            for (; born < 400; born++)
                new Thread(() -> { try { Thread.sleep(3000); } catch (Exception e) { } }).start();
        } catch (Throwable e) {
            System.out.println(e + " after " + born);
            System.exit(1);
        }
        System.out.println("ESCAPED: " + born + " threads");
    }
}
