"""probe.py - asks for the health of the service again and again, from a process of its own, and
writes how long each answer took, in seconds, a line each: "connect-and-all ready-check"."""
import http.client
import sys
import time


def ask(host, port):
    """Connection, request and answer; raises what goes wrong."""
    conn = http.client.HTTPConnection(host, port, timeout=20)
    try:
        conn.request("GET", "/v1/health")
        return conn.getresponse().read()
    finally:
        conn.close()


def main():
    host, port, every = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    while True:
        began = time.monotonic()
        try:
            ask(host, port)
            print(f"{began:.6f} {time.monotonic() - began:.6f}", flush=True)
        except (OSError, http.client.HTTPException) as e:
            print(f"{began:.6f} failed {e!r}", flush=True)
        time.sleep(every)


if __name__ == "__main__":
    main()
