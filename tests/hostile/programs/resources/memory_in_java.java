// tries:  memory outside of the heap, which the JVM's own limit does not count
// layer:  memory
// expect: memory_limit runtime_error
// limits: cpu_time_ms=8000 wall_time_ms=20000
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

public class Main {
    public static void main(String[] a) throws Exception {
        var field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        var unsafe = (sun.misc.Unsafe) field.get(null);
        for (int i = 0; i < 100; i++)
            unsafe.setMemory(unsafe.allocateMemory(8 << 20), 8 << 20, (byte) 1);
        System.out.println("ESCAPED: 800 MiB");
    }
}
