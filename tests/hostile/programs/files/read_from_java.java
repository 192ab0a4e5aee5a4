// tries:  to read secrets and to walk all roots from Java
// layer:  root, image
// expect: accepted
// limits: cpu_time_ms=8000 wall_time_ms=20000
import java.nio.file.Files;
import java.nio.file.Path;

public class Main {
    public static void main(String[] a) {
        StringBuilder found = new StringBuilder();
        for (String p : new String[] { "/root/minos-canary", "/etc/minos-canary", "/etc/shadow", "/proc/1/environ",
                "/srv/tests/1.answer", "/tmp/minos-canary", "/var/tmp/minos-canary", "/run/minos-canary" }) {
            try {
                found.append(Files.readString(Path.of(p)));
            } catch (Exception e) {
                System.out.println(p + " " + e.getClass().getName());
            }
        }
        System.out.println((found.length() > 0 ? "ESCAPED: " : "CONTAINED: ") + found);
    }
}
