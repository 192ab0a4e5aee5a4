# tries:  to reach the cloud's metadata service and name servers
# layer:  net_ns
# expect: accepted
import socket
for host, port in (("169.254.169.254", 80), ("192.0.2.1", 47101), ("8.8.8.8", 53), ("fd00:ec2::254", 80)):
    try:
        with socket.create_connection((host, port), 0.3) as s:
            print("ESCAPED: connected to", host, s.recv(100))
            break
    except OSError as e:
        print(host, e)
else:
    print("CONTAINED: no way to any")
