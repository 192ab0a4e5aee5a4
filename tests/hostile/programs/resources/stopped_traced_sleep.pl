# tries:  to stop itself and its group in a session of its own
# layer:  wall
# limits: wall_time_ms=500
# expect: idle_limit
use POSIX ();
if (fork() == 0) {
    POSIX::setsid();
    kill 'STOP', 0;
    sleep 3;
    print "ESCAPED: still here\n";
}
kill 'STOP', $$;
sleep 3;
print "ESCAPED: still here\n";
