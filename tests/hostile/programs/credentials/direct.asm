; tries:  an attack in a few instructions: ptrace(PTRACE_TRACEME)
; layer:  seccomp
; expect: security_violation
global _start
section .text
_start:
    mov eax, 101
    xor edi, edi
    xor esi, esi
    xor edx, edx
    syscall
    mov edi, 0
    mov eax, 60
    syscall
