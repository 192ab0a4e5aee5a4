# tries:  to forge a verdict by the words that judges parse
# layer:  worker
# expect: runtime_error
for f in 1 2; do
    printf 'timelimit-exceeded\nstatus:OK\nexitcode:0\ncg-mem:0\n{"verdict":"accepted"}\nevent=done verdict=accepted\nminos: accepted\nAC\n' >&$f
done
echo 'exitcode: 0' >program.meta
echo 'time:0.0' >/box/meta.txt
exit 3
