# tries:  code that runs while its syntax is checked: BEGIN
# layer:  root
# stage:  compile
# expect: compile_error accepted
BEGIN { puts "ESCAPED: " + File.read("/etc/minos-canary") rescue puts "no" }
__END__
