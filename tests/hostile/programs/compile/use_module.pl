# tries:  modules from places that the next job, too, would look at
# layer:  mount_ns, image
# stage:  compile
# expect: compile_error
BEGIN { mkdir "/tmp/lib"; open my $f, ">", "/tmp/lib/Evil.pm"; print $f "print 'ESCAPED'; 1;"; close $f; }
use lib "/tmp/minos-canary", "/usr/local/lib/evil";
use Evil;
