def run(names, place, programs, score):
    raise SystemExit("layers")
