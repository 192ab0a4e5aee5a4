; tries:  to have nasm put files of the host into the program
; layer:  root, image
; stage:  compile
; expect: compile_error
section .data
a: incbin "/root/minos-canary"
b: incbin "/etc/shadow"
%include "/etc/minos-canary"
section .text
global _start
_start: ret
