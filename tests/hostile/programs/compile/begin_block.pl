# tries:  code that runs while it is only compiled: BEGIN
# layer:  root, net_ns, pid_ns
# stage:  compile
# expect: compile_error accepted
BEGIN {
    for my $f ("/root/minos-canary", "/etc/minos-canary", "/etc/shadow", "/proc/1/environ") {
        if (open my $h, "<", $f) { print STDERR "ESCAPED: ", <$h>; }
    }
    print STDERR "ESCAPED: environment\n" if $ENV{MINOS_HOSTILE_CANARY};
    if (fork() == 0) { setpgrp; $SIG{TERM} = 'IGNORE'; close STDIN; close STDOUT; close STDERR; sleep 30; exit; }
    open my $m, ">", "/tmp/left-by-begin";
}
print "CONTAINED: ran\n";
