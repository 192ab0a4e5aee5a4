# tries:  a loop without end while it is only compiled
# layer:  cpu
# stage:  compile
# expect: compile_error
BEGIN { 1 while 1 }
