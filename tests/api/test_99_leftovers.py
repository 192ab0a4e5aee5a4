"""The last word: the shared service, after all that was done to it, stops and leaves nothing."""
import os
import unittest

import host
import service


class Leftovers(unittest.TestCase):
    def test_descriptors(self):
        """After all tests no descriptors have piled up in keepers, slots and server"""
        s = service.shared()
        s.wait_quiet()
        for pid in s.keeper_pids() + s.slot_pids() + [s.pid_of("minos-server")]:
            service.poll(f"few descriptors in {pid}",
                         lambda p=pid: host.descriptor_count(p) < 64, 70)

    def test_stop(self):
        """After all tests the service is well, stops on SIGTERM and leaves nothing behind"""
        s = service.shared()
        self.assertEqual(s.judge(language="bash", source="true")["verdict"], "accepted")
        s.wait_quiet()
        groups = s.groups()
        self.assertEqual(s.stop(), 0)
        s.wait_clean()
        for word in (" error ", "slot_died", "child_restart", "keeper_killed", "Sanitizer"):
            said = [line for line in s.log().splitlines() if word in line]
            self.assertEqual(said, [], "the log has complaints")
        self.assertEqual([g for g in groups if os.path.isdir(g)], [])


if __name__ == "__main__":
    unittest.main()
