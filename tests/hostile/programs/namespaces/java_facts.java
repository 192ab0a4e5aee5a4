// tries:  to see host facts through Java's own interfaces
// layer:  net_ns, uts_ns, pid_ns
// expect: accepted
// limits: cpu_time_ms=8000 wall_time_ms=20000
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.util.Collections;

public class Main {
    public static void main(String[] a) throws Exception {
        long others = ProcessHandle.allProcesses().count();
        String name = InetAddress.getLocalHost().getHostName();
        int nets = Collections.list(NetworkInterface.getNetworkInterfaces()).size();
        boolean bad = others > 2 || nets != 1 || !name.equals("minos");
        System.out.println((bad ? "ESCAPED: " : "CONTAINED: ") + others + " " + name + " " + nets
            + " " + System.getenv());
    }
}
