# tries:  a source that breaks the parser: nesting and a huge constant
# layer:  memory, cpu
# stage:  compile
# expect: compile_error accepted
x = (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
y = ((1 << 100000000) * 0 or 9 ** 9 ** 9 if False else "a" * (1 << 40) if False else 0)
z = -1 ** 999999999
