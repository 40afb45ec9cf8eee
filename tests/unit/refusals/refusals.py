"""What a person sees when something is wrong before the start (C-9, and the start of every process).

Each case damages one thing of a deployment that is otherwise sound, starts the real hamgr, and looks for one line that
says what is wrong, where (file, line, field) and what to do.  usage: refusals.py HAMGR [-k NAME]
"""
import os
import socket
import subprocess
import sys
import tempfile
import unittest

HAMGR = os.path.abspath(sys.argv.pop(1))
NET = 127, 45

BOOTSTRAP = """\
cluster: refusals
data-dir: {dir}/%h
run-dir: {dir}/run/%h
arbiter: {{address: 127.45.3.1}}
timeouts:
  lease-ttl: 1s
  renew-interval: 250ms
sites:
  - name: east
    id: 1
    site-address: 127.45.1.100
    address-mode: loopback
    hosts:
      - {{name: east.1, address: 127.45.1.1}}
      - {{name: east.2, address: 127.45.1.2}}
"""

CONFIGURATION = """\
options:
  dr-forward: off
dns:
  - {number: "1001", type: extension, password: secret1001}
  - {number: "8000", type: acd-queue}
agents:
  - {id: ann, name: Ann, password: "ann-pw", dn: "1001", queues: ["8000"]}
"""


class Refusal(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="refusals-")
        self.dir = self.folder.name
        self.file = os.path.join(self.dir, "standfast.yaml")
        self.text = BOOTSTRAP.format(dir=self.dir)
        self.write(self.text)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, text, name="standfast.yaml"):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def hamgr(self, *arguments, prefix=(), cwd=None):
        command = [*prefix, HAMGR, *arguments, "--config", self.file, "--self", "east.1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
        return done.returncode, done.stdout + done.stderr

    def found(self):
        code, text = self.hamgr("init")
        self.assertEqual(code, 0, text)

    def assert_refused(self, result, *parts, status=None):
        """The process ended by itself, not in success, and one single line has all of PARTS."""
        code, text = result
        self.assertNotIn("Sanitizer", text)
        self.assertGreater(code, 0, text)
        if status is not None:
            self.assertEqual(code, status, text)
        lines = [line for line in text.splitlines() if all(part in line for part in parts)]
        self.assertTrue(lines, f"no line with {parts} in:\n{text}")

    def line_of(self, text, what):
        return next(i for i, line in enumerate(text.splitlines(), 1) if what in line)

    # ---- the bootstrap file

    def test_an_unknown_field_is_named_with_its_line_and_the_nearest_name(self):
        text = self.text.replace("  lease-ttl: 1s", "  lease-tll: 1s")
        self.write(text)
        line = self.line_of(text, "lease-tll")
        self.assert_refused(self.hamgr("run"), f"standfast.yaml:{line}:", "lease-tll", "lease-ttl", status=2)

    def test_timeouts_that_contradict_one_another_are_refused_with_the_arithmetic(self):
        text = self.text.replace("renew-interval: 250ms", "renew-interval: 900ms")
        line = self.line_of(text, "lease-ttl")
        self.found()
        self.write(text)
        for verb in "run", "init", "keys":
            self.assert_refused(self.hamgr(verb), f"standfast.yaml:{line}: field 'timeouts.lease-ttl'",
                                "less than 3 times renew-interval of 900 ms", status=2)
        self.assert_refused(self.hamgr("check"), f"standfast.yaml:{line}: field 'timeouts.lease-ttl'", status=1)

    def test_two_hosts_with_one_address_are_refused(self):
        text = self.text.replace("address: 127.45.1.2", "address: 127.45.1.1")
        self.write(text)
        self.assert_refused(self.hamgr("run"), f"standfast.yaml:{self.line_of(text, 'east.2')}:", "127.45.1.1", status=2)

    def test_a_file_that_is_not_there(self):
        os.unlink(self.file)
        self.assert_refused(self.hamgr("run"), "standfast.yaml", "No such file", status=2)

    # ---- the configuration

    def test_an_unknown_field_of_the_configuration(self):
        text = CONFIGURATION.replace("type: acd-queue", "type: acd-queue, wait-max: 3")
        path = self.write(text, "config.yaml")
        self.found()
        self.assert_refused(self.hamgr("config", "import", path), f"config.yaml:{self.line_of(text, 'wait-max')}:", "wait-max",
                            status=2)

    def test_a_nul_byte_in_a_configuration_refuses_it_whole(self):
        path = self.write(CONFIGURATION.replace("agents:", "\0agents:"), "config.yaml")
        self.found()
        self.assert_refused(self.hamgr("config", "import", path), "config.yaml:6:", "NUL", status=2)

    def test_an_agent_of_a_queue_that_does_not_exist(self):
        text = CONFIGURATION.replace('queues: ["8000"]', 'queues: ["8001"]')
        path = self.write(text, "config.yaml")
        self.found()
        self.assert_refused(self.hamgr("config", "import", path), f"config.yaml:{self.line_of(text, '8001')}:", "8001", status=2)

    # ---- the command line

    def test_surplus_arguments_are_refused(self):
        for words in (["status", "now"], ["run", "east"], ["config", "status", "x"], ["check", "a", "b"], ["init", "a", "b"],
                      ["config", "import", "a", "b"], ["keys", "generate"]):
            self.assert_refused(self.hamgr(*words), f"'{words[-1]}' is one argument too many", status=2)
        self.assertEqual(os.listdir(self.dir), ["standfast.yaml"])

    def test_half_a_verb_gives_its_forms(self):
        for words, code in (["config"], 2), (["config", "edit"], 2), (["help", "config"], 0):
            result = self.hamgr(*words)
            self.assertEqual(result[0], code)
            for form in "hamgr config import FILE", "hamgr config export", "hamgr config status":
                self.assertIn(form, result[1])
        self.assertIn("hamgr site promote [SITE]", self.hamgr("site")[1])
        self.assertEqual(self.hamgr("help")[0], 0)
        self.assert_refused(self.hamgr("help", "dance"), "no verb 'dance'", status=2)

    # ---- founding

    def test_a_relative_folder_to_found_in_is_made(self):
        code, text = self.hamgr("init", "out/deep", cwd=self.dir)
        self.assertEqual(code, 0, text)
        for host in "east.1", "east.2", "arbiter":
            self.assertTrue(os.path.exists(os.path.join(self.dir, "out/deep", host, "keys/cluster.secret")), text)
            self.assertTrue(os.path.isdir(os.path.join(self.dir, "out/deep", host, "votes")), text)

    def test_a_founding_that_failed_can_be_tried_again(self):
        os.makedirs(os.path.join(self.dir, "east.2/keys"))
        blocked = self.write("in the way", "east.2/votes")
        self.assert_refused(self.hamgr("init"), "east.2/votes", status=1)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "east.1")))
        self.assertEqual(os.listdir(os.path.join(self.dir, "east.2/keys")), [])
        os.unlink(blocked)
        self.found()

    def test_a_second_founding_is_refused_and_leaves_the_first_alone(self):
        self.found()
        path = os.path.join(self.dir, "east.1/keys/cluster.secret")
        with open(path, "rb") as f:
            before = f.read()
        self.assert_refused(self.hamgr("init"), "founded before", status=1)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), before)

    # ---- the environment

    def test_a_port_in_use(self):
        self.found()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.45.1.1", 7701))
            other.listen()
            self.assert_refused(self.hamgr("run"), "127.45.1.1", "7701", "in use", status=1)

    def test_a_missing_key(self):
        self.found()
        os.unlink(os.path.join(self.dir, "east.1/keys/east.1.secret"))
        self.assert_refused(self.hamgr("run"), "east.1.secret", "No such file", "hamgr init", status=1)

    def test_a_secret_that_others_can_read(self):
        self.found()
        os.chmod(os.path.join(self.dir, "east.1/keys/east.1.secret"), 0o644)
        self.assert_refused(self.hamgr("run"), "east.1.secret", "chmod 600", status=1)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
    def test_a_full_disk(self):
        self.found()
        # In a chroot "/" is no mount point, and cannot be made private: what was mounted is unmounted.
        script = ('mount --make-rprivate / 2>/dev/null; mount -t tmpfs -o size=64k none "$0/east.2" && '
                  'cp -r "$0/east.1/keys" "$0/east.2/" && head -c 1M /dev/zero > "$0/east.2/rest" 2>/dev/null; '
                  '"$@"; status=$?; umount -l "$0/east.2"; exit $status')
        command = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c", script, self.dir, HAMGR, "run", "--config",
                   self.file, "--self", "east.2"]
        os.rename(os.path.join(self.dir, "east.1/keys/east.1.secret"), os.path.join(self.dir, "kept"))
        subprocess.run(["cp", os.path.join(self.dir, "east.2/keys/east.2.secret"), os.path.join(self.dir, "east.1/keys/")],
                       check=True)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assert_refused((done.returncode, done.stdout + done.stderr), "east.2/votes", "full", status=1)

    def test_a_second_hamgr_on_the_same_host(self):
        self.found()
        command = [HAMGR, "run", "--config", self.file, "--self", "east.1"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as first:
            try:
                for line in first.stderr:
                    if "hamgr runs as" in line:
                        break
                self.assert_refused(self.hamgr("run"), "control.sock", "in use", status=1)
            finally:
                first.terminate()
                first.communicate(timeout=60)

    def test_the_ports_of_a_host_that_runs_are_no_fault(self):
        self.found()
        path = self.write(CONFIGURATION, "config.yaml")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.45.1.1", 7701))
            other.listen()
            self.assert_refused(self.hamgr("check"), "FAULT", "7701", "in use", status=1)
            self.assertEqual(self.hamgr("check", path)[0], 0)
        command = [HAMGR, "run", "--config", self.file, "--self", "east.1"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as first:
            try:
                for line in first.stderr:
                    if "hamgr runs as" in line:
                        break
                for words in ["check"], ["check", path]:
                    code, text = self.hamgr(*words)
                    self.assertEqual(code, 0, text)
                    self.assertNotIn("FAULT", text)
            finally:
                first.terminate()
                first.communicate(timeout=60)

    def test_a_host_that_is_founded_and_sound_passes_the_check(self):
        self.found()
        path = self.write(CONFIGURATION, "config.yaml")
        code, text = self.hamgr("check", path)
        self.assertEqual(code, 0, text)

    def test_check_says_where_a_number_leads_and_what_it_passed_over(self):
        path = self.write(CONFIGURATION.replace("agents:", """\
  - {number: gw, type: trunk, contact: "sip:192.0.2.1", prefixes: ["0"]}
  - {number: second, type: trunk, contact: "sip:192.0.2.2"}
dial-plan:
  - {id: mobile, pattern: "01[567].", to: [second, gw], strip: 1, prepend: "+49", digits-min: 8}
  - {id: direct, pattern: "+49301001", strip: 5}
agents:"""), "config.yaml")
        for words, parts in (
                (["--number", "0171234567"], ["TAKEN  rule 'mobile'", "passed prefix 0 of trunk gw", "trunk 1: second, asked for +49171234567",
                                              "trunk 2: gw"]),
                (["--number", "0171"], ["passed rule 'mobile', pattern 01[567].: the number is shorter", "TAKEN  prefix 0", "trunk 1: gw"]),
                (["--number", "+49301001", "--from", "gw"], ["TAKEN  rule 'direct'", "the call is for 1001, extension"]),
                (["--number", "0171234567", "--from", "gw"], ["not for callers of this class", "refused with 404"]),
                (["--number", "1001"], ["TAKEN  number 1001"])):
            code, text = self.hamgr("check", path, *words)
            self.assertEqual(code, 0, text)
            for part in parts:
                self.assertIn(part, text)
        self.assert_refused(self.hamgr("check", path, "--number", "1", "--from", "nobody"), "'nobody' is no extension", status=1)
        self.assert_refused(self.hamgr("check", path, "--number", "1", "--site", "north"), "no site 'north'", status=2)
        self.assert_refused(self.hamgr("check", "--number", "1"), "wants the configuration", status=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
