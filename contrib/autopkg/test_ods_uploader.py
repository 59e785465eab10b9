"""Tests of ODSUploader: against recorded requests, against a real node (ODS_TEST_URL, ODS_TEST_TOKEN), and in a real run of
AutoPkg (AUTOPKG names a checkout). What can't be had is left out, visibly."""

import hashlib
import http.server
import json
import os
import pathlib
import plistlib
import subprocess
import sys
import tempfile
import threading
import types
import unittest
import zipfile

HERE = pathlib.Path(__file__).parent
CONTENT = b"a package"


class Processor:
    """As much of AutoPkg's class as the processor uses."""

    def __init__(self, env=None):
        self.env = env or {}
        self.said = []

    def output(self, message, verbose_level=1):
        self.said.append(message)


class ProcessorError(Exception):
    pass


stand_in = types.ModuleType("autopkglib")
stand_in.Processor, stand_in.ProcessorError = Processor, ProcessorError
sys.modules["autopkglib"] = stand_in
sys.path.insert(0, str(HERE))
import ODSUploader  # noqa: E402

ODSUploader.time.sleep = lambda seconds: None


def package(sha256):
    return {"path": "Firefox-142.pkg", "revision": "r1", "sha256": sha256, "title": "Firefox", "version": "142",
            "tags": ["test"], "notes": None, "identifier": None, "url": "/Packages/Firefox-142.pkg"}


SHA256 = hashlib.sha256(CONTENT).hexdigest()
PLACEHOLDERS = {"PACKAGE": package(SHA256), "UNTAGGED": {**package(SHA256), "revision": "r0", "tags": []}, "OTHER": package("00")}


def filled(answer):
    if isinstance(answer, str):
        return PLACEHOLDERS[answer]
    return {key: PLACEHOLDERS[value] if value in ("PACKAGE", "OTHER") else value for key, value in answer.items()}


class RecordedNode:
    """A server that expects certain requests, and notes what is not as expected."""

    def __init__(self, exchanges):
        self.left, self.wrong = list(exchanges), []
        node = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                expected = node.left.pop(0) if node.left else {"method": "nothing", "status": 500, "answer": {}}
                node.compare(expected, self, body)
                if expected.get("lost"):
                    self.close_connection = True
                    return
                answer = json.dumps(filled(expected["answer"])).encode()
                self.send_response(expected["status"])
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_PATCH = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def compare(self, expected, request, body):
        pairs = [(expected["method"], request.command), (expected.get("target"), request.path)]
        pairs += [(value, request.headers.get(name)) for name, value in expected.get("headers", {}).items()]
        if "body" in expected:
            pairs.append((expected["body"].encode(), body))
        if "json" in expected:
            pairs.append((expected["json"], json.loads(body)))
        self.wrong += [pair for pair in pairs if pair[0] != pair[1]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Recorded(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = pathlib.Path(self.folder.name) / "Firefox-142.pkg"
        self.file.write_bytes(CONTENT)

    def run_with(self, node_url, **env):
        env = {"ODS_URL": node_url, "ODS_TOKEN": "ods_ptest", "pkg_path": str(self.file), **env}
        processor = ODSUploader.ODSUploader(env)
        processor.main()
        return processor.env

    def test_recorded_requests(self):
        for case in json.loads((HERE / "fixtures" / "requests.json").read_text()):
            with self.subTest(case["name"]):
                node = RecordedNode(case["exchanges"])
                try:
                    if "error" in case:
                        with self.assertRaises(ProcessorError) as raised:
                            self.run_with(node.url, **case["env"])
                        self.assertIn(case["error"], str(raised.exception))
                    else:
                        # A summary of an earlier run must not be reported again.
                        env = self.run_with(node.url, ods_uploader_summary_result={"data": "old"}, **case["env"])
                        self.assertEqual(env["pkg_uploaded"], case["uploaded"])
                        self.assertEqual("ods_uploader_summary_result" in env, case["summary"])
                    self.assertEqual((node.wrong, node.left), ([], []))
                finally:
                    node.close()

    def test_a_node_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(ProcessorError, "can't publish"):
            self.run_with("http://127.0.0.1:1")
        for url in ("", "ftp://x", "x"):
            with self.assertRaisesRegex(ProcessorError, "ODS_URL"):
                self.run_with(url)

    def test_a_package_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(ProcessorError, "no package"):
            self.run_with("http://127.0.0.1:1", pkg_path="/nowhere/x.pkg")

    def test_a_bundle_is_zipped_always_to_the_same_bytes(self):
        bundle = pathlib.Path(self.folder.name) / "Old.pkg"
        (bundle / "Contents" / "empty").mkdir(parents=True)
        (bundle / "Contents" / "Info.plist").write_text("x")
        (bundle / "Contents" / "run.sh").write_text("#!/bin/sh")
        (bundle / "Contents" / "run.sh").chmod(0o755)
        (bundle / "link").symlink_to("Contents/run.sh")
        zips = [pathlib.Path(self.folder.name) / name for name in ("1.zip", "2.zip")]
        for zipped in zips:
            ODSUploader.zip_bundle(str(bundle), str(zipped))
            os.utime(bundle / "Contents" / "Info.plist", (1, 1))
        self.assertEqual(zips[0].read_bytes(), zips[1].read_bytes())
        with zipfile.ZipFile(zips[0]) as archive:
            names = sorted(archive.namelist())
            self.assertEqual(names, ["Old.pkg/Contents/Info.plist", "Old.pkg/Contents/empty/", "Old.pkg/Contents/run.sh", "Old.pkg/link"])
            self.assertEqual(archive.getinfo("Old.pkg/Contents/run.sh").external_attr >> 16 & 0o777, 0o755)
            self.assertEqual(archive.read("Old.pkg/link"), b"Contents/run.sh")

    def test_the_recipes_are_property_lists_and_say_what_the_processor_knows(self):
        stub, example = (plistlib.loads((HERE / name).read_bytes()) for name in ("ODSUploader.recipe", "Firefox.ods.recipe"))
        (step,) = example["Process"]
        self.assertEqual(step["Processor"], f"{stub['Identifier']}/ODSUploader")
        known = ODSUploader.ODSUploader.input_variables
        self.assertLessEqual(set(step["Arguments"]) | set(example["Input"]), set(known))

    def test_against_a_real_node(self):
        url, token = os.environ.get("ODS_TEST_URL"), os.environ.get("ODS_TEST_TOKEN")
        if not url:
            self.skipTest("left out: ODS_TEST_URL names no node")

        def run(**env):
            return self.run_with(url, ODS_TOKEN=token, ods_folder="mac ü", NAME="Firefox", version="142", **env)

        first = run(ods_tags="test")
        self.assertTrue(first["pkg_uploaded"])
        self.assertEqual(first["ods_uploader_summary_result"]["data"]["ods_path"], "mac ü/Firefox-142.pkg")
        again = run(ods_tags="test")
        self.assertEqual((again["pkg_uploaded"], again["ods_revision"]), (False, first["ods_revision"]))
        self.assertTrue(run(ods_tags="prod")["pkg_uploaded"])
        self.file.write_bytes(b"other bytes")
        self.assertFalse(run()["pkg_uploaded"])
        self.assertTrue(run(replace_pkg=True)["pkg_uploaded"])
        with self.assertRaisesRegex(ProcessorError, "check ODS_TOKEN"):
            self.run_with(url, ODS_TOKEN="ods_wrong")

    def test_in_a_run_of_autopkg(self):
        checkout, url = os.environ.get("AUTOPKG"), os.environ.get("ODS_TEST_URL")
        if not (checkout and url):
            self.skipTest("left out: AUTOPKG names no checkout, or ODS_TEST_URL no node")
        folder = pathlib.Path(self.folder.name)
        recipe = {
            "Identifier": "org.opendistribution.test",
            "Input": {"NAME": "Tool", "version": "7"},
            "Process": [
                {"Processor": "org.opendistribution.processors/ODSUploader",
                 "Arguments": {"pkg_path": str(self.file), "pkg_name": "Tool-7.pkg", "ods_tags": "test"}},
            ],
        }
        (folder / "Tool.ods.recipe").write_bytes(plistlib.dumps(recipe))
        prefs = {"ODS_URL": url, "ODS_TOKEN": os.environ["ODS_TEST_TOKEN"], "CACHE_DIR": str(folder / "cache"),
                 "RECIPE_SEARCH_DIRS": [str(folder), str(HERE)], "RECIPE_OVERRIDE_DIRS": [str(folder / "overrides")]}
        (folder / "prefs.json").write_text(json.dumps(prefs))
        command = [sys.executable, f"{checkout}/Code/autopkg", "run", "-v", "--prefs", str(folder / "prefs.json"),
                   "--report-plist", str(folder / "report.plist"), "Tool.ods"]
        for expected in (1, 0):
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HOME": str(folder)}, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            results = plistlib.loads((folder / "report.plist").read_bytes())["summary_results"]
            rows = results.get("ods_uploader_summary_result", {}).get("data_rows", [])
            self.assertEqual(len(rows), expected, done.stdout)


if __name__ == "__main__":
    unittest.main()
