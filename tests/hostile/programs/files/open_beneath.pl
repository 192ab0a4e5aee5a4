# tries:  to read secrets from Perl, by links it makes itself
# layer:  root, image
# expect: accepted
my @found;
for my $target ("/root/minos-canary", "/etc/minos-canary", "/proc/1/environ", "/home/minos-canary/secret", "/etc/shadow", "/proc/self/root/root/minos-canary") {
    my $link = "/tmp/link" . scalar(@found) . $$ . rand();
    symlink $target, $link;
    if (open my $f, "<", $link) { local $/; push @found, $target, <$f>; }
}
print @found ? "ESCAPED: @found\n" : "CONTAINED: none\n";
