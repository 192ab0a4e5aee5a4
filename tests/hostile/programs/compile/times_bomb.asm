; tries:  an object file of a terabyte
; layer:  files, cpu, memory
; stage:  compile
; expect: compile_error accepted
section .data
times 1000000000000 db 1
section .text
global _start
_start: ret
