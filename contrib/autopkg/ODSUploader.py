#!/usr/local/autopkg/python
"""Publishes a package to an ODS node. See ODSUploader.description and README.md.

Only the standard library is used. A run that is repeated changes nothing: bytes that are there already are not sent again.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import tempfile
import time
import unicodedata
import urllib.parse
import zipfile

from autopkglib import Processor, ProcessorError

__all__ = ["ODSUploader"]

READ_BYTES = 1 << 20
ANSWER_BYTES_MAX = 1 << 20
TRIES = 4


class Refused(Exception):
    """The node answered with an error."""

    def __init__(self, status, problem):
        self.status = status
        self.code = problem.get("code", "")
        # Whether it is the answer to a second try: then the first may have done it.
        self.tried_before = False
        detail = problem.get("detail") or problem.get("title") or "no explanation"
        super().__init__(f"{status} {self.code}: {detail}".replace(" :", ":"))


class ODSUploader(Processor):
    """Publishes a package to an ODS node."""

    description = __doc__
    input_variables = {
        "ODS_URL": {
            "required": True,
            "description": "The node's address, such as https://ods.example.org. Best set in AutoPkg's preferences.",
        },
        "ODS_TOKEN": {
            "required": True,
            "description": "A token that may publish (`ods token create autopkg --scope publish`). Best set in AutoPkg's "
            "preferences.",
        },
        "pkg_path": {
            "required": True,
            "description": "The package to publish. A bundle (a package that is a folder) is zipped first.",
        },
        "pkg_name": {"required": False, "description": "The file's name on the node. Defaults to that of pkg_path."},
        "ods_folder": {
            "required": False,
            "description": "The folder on the node, such as mac/apps. Defaults to the top. Jamf Pro knows no folders.",
        },
        "NAME": {"required": False, "description": "The package's title."},
        "version": {"required": False, "description": "The package's version."},
        "ods_tags": {
            "required": False,
            "description": "Tags, as a list or separated by commas. Those that the package has already stay if this is left out.",
        },
        "ods_notes": {"required": False, "description": "Notes, for people."},
        "ods_identifier": {"required": False, "description": "The package's identifier, such as org.mozilla.firefox."},
        "replace_pkg": {
            "required": False,
            "default": False,
            "description": "Whether a package of that name with other bytes is replaced. Off by default: then it stays.",
        },
        "ods_ca_file": {"required": False, "description": "A PEM file with the certificate to trust, if the system doesn't."},
        "ods_timeout": {
            "required": False,
            "default": 120,
            "description": "Seconds without any progress after which the node counts as gone.",
        },
    }
    output_variables = {
        "ods_path": {"description": "The package's path on the node."},
        "ods_url": {"description": "Where it can be downloaded."},
        "ods_revision": {"description": "The package's revision."},
        "ods_sha256": {"description": "SHA-256 of its bytes."},
        "pkg_uploaded": {"description": "Whether something changed on the node."},
        "ods_uploader_summary_result": {"description": "What changed; only there if something did."},
    }

    def main(self):
        """Does it."""
        self.env.pop("ods_uploader_summary_result", None)
        self.env["pkg_uploaded"] = False
        try:
            self.connect()
            with tempfile.TemporaryDirectory(prefix="ods-") as scratch:
                self.publish(self.flat_file(scratch))
        except Refused as refused:
            raise ProcessorError(f"the ODS node refused it: {refused}{hint(refused)}") from refused
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ProcessorError(f"can't publish to the ODS node {self.env.get('ODS_URL')}: {error}") from error

    # --- what is published

    def flat_file(self, scratch):
        """The file to publish: pkg_path, or a zip of it if it is a bundle."""
        pkg_path = self.env["pkg_path"].rstrip("/")
        if os.path.isfile(pkg_path):
            return pkg_path
        if not os.path.isdir(pkg_path):
            raise ProcessorError(f"there is no package at {pkg_path}")
        self.output(f"{pkg_path} is a bundle; it is zipped")
        zipped = os.path.join(scratch, os.path.basename(pkg_path) + ".zip")
        zip_bundle(pkg_path, zipped)
        return zipped

    def ods_path(self, file):
        """The package's path on the node."""
        name = self.env.get("pkg_name") or os.path.basename(file)
        if file.endswith(".zip") and not name.endswith(".zip"):
            name += ".zip"
        folder = (self.env.get("ods_folder") or "").strip("/")
        return unicodedata.normalize("NFC", f"{folder}/{name}" if folder else name)

    def metadata(self):
        """What the recipe says about the package, as the node's query parameters."""
        names = {"title": "NAME", "version": "version", "notes": "ods_notes", "identifier": "ods_identifier"}
        pairs = [(key, str(self.env[name])) for key, name in names.items() if self.env.get(name)]
        return pairs + [("tag", tag) for tag in self.tags()]

    def tags(self):
        tags = self.env.get("ods_tags") or []
        tags = tags.split(",") if isinstance(tags, str) else tags
        return [str(tag).strip() for tag in tags if str(tag).strip()]

    def publish(self, file):
        """Publishes a file, unless it is there already or may not be replaced."""
        path = self.ods_path(file)
        self.env["ods_path"] = path
        target = "/api/v1/packages/" + urllib.parse.quote(path, safe="/")
        sha256 = sha256_of(file)
        there = self.package(target)
        replace = is_true(self.env.get("replace_pkg"))
        if there and there["sha256"] == sha256.hex():
            answer = self.describe(target, there, sha256)
        elif there and not replace:
            self.output(f"{path} is on the node with other bytes and stays; set replace_pkg to replace it")
            answer = {"changed": False, "package": there}
        else:
            guard = {"If-Match": f'"{there["revision"]}"'} if there else {"If-None-Match": "*"}
            answer = self.send(target, file, sha256, guard)
        self.report(answer, os.path.basename(path))

    def differences(self, there):
        """What the recipe says about the package, and the node doesn't."""
        patch = {key: value for key, value in self.metadata() if key != "tag" and there.get(key) != value}
        tags = self.tags()
        if tags and set(tags) != set(there.get("tags") or []):
            patch["tags"] = tags
        return patch

    def describe(self, target, there, sha256):
        """The bytes are there: only what is said about them may have changed."""
        patch = self.differences(there)
        if not patch:
            self.output(f"{there['path']} is on the node already")
            return {"changed": False, "package": there}
        body = json.dumps(patch).encode()
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": f'"{there["revision"]}"'}
        return self.change("PATCH", target, target, headers, lambda: [body], len(body), sha256)

    def send(self, target, file, sha256, guard):
        size = os.path.getsize(file)
        digest = base64.b64encode(sha256).decode()
        headers = {"Content-Type": "application/octet-stream", "Repr-Digest": f"sha-256=:{digest}:", **guard}
        self.output(f"sending {size} bytes to {self.env['ODS_URL']}")
        query = urllib.parse.urlencode(self.metadata())
        return self.change("PUT", target, f"{target}?{query}" if query else target, headers, lambda: chunks(file), size, sha256)

    def change(self, method, target, called, headers, body, length, sha256):
        """A change on the condition that the package is as it was. Its own success, the answer to which was lost, is no conflict."""
        try:
            answer = self.call(method, called, headers, body, length)
            answer = answer if isinstance(answer, dict) else {}
            return {"changed": answer.get("changed"), "package": package_of(answer.get("package"))}
        except Refused as refused:
            there = self.package(target) if refused.status == 412 and refused.tried_before else None
            if not there or there["sha256"] != sha256.hex() or self.differences(there):
                raise
            return {"changed": True, "package": there}

    def report(self, answer, name):
        package = answer["package"]
        self.env["ods_revision"] = package["revision"]
        self.env["ods_sha256"] = package["sha256"]
        self.env["ods_url"] = self.env["ODS_URL"].rstrip("/") + package["url"]
        self.env["pkg_uploaded"] = bool(answer["changed"])
        if answer["changed"]:
            self.env["ods_uploader_summary_result"] = {
                "summary_text": "The following packages were published to ODS:",
                "report_fields": ["name", "version", "ods_path", "pkg_path"],
                "data": {
                    "name": str(self.env.get("NAME") or name),
                    "version": str(package.get("version") or ""),
                    "ods_path": package["path"],
                    "pkg_path": self.env["pkg_path"],
                },
            }

    # --- the node

    def connect(self):
        url = urllib.parse.urlsplit(str(self.env["ODS_URL"]))
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ProcessorError(f"ODS_URL must be http:// or https:// and name a host, not {self.env['ODS_URL']!r}")
        timeout = float(self.env.get("ods_timeout") or 120)
        self.prefix = url.path.rstrip("/")
        if url.scheme == "https":
            context = ssl.create_default_context(cafile=self.env.get("ods_ca_file") or None)
            self.connection = lambda: http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=context)
        else:
            self.connection = lambda: http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)

    def package(self, target):
        """What the node has there; None if nothing."""
        try:
            return package_of(self.call("GET", target, {}, lambda: [], 0))
        except Refused as refused:
            if refused.code == "no_such_package":
                return None
            raise

    def call(self, method, target, headers, body, length):
        """One operation. Asking again is harmless, so what may pass (a cut connection, 503) is tried again."""
        for tries_left in reversed(range(TRIES)):
            try:
                return self.call_once(method, target, headers, body(), length)
            except Refused as refused:
                refused.tried_before = tries_left < TRIES - 1
                if refused.status not in (429, 503) or not tries_left:
                    raise
                self.output(f"{refused}; trying again")
            except (OSError, http.client.HTTPException) as error:
                if not tries_left or isinstance(error, ssl.SSLCertVerificationError):
                    raise
                self.output(f"{error}; trying again")
            time.sleep(2 ** (TRIES - tries_left) / 2)
        raise AssertionError("the last try returns or raises")

    def call_once(self, method, target, headers, body, length):
        connection = self.connection()
        try:
            connection.putrequest(method, self.prefix + target)
            headers = {"Authorization": f"Bearer {self.env['ODS_TOKEN']}", "Accept": "application/json", **headers}
            if method != "GET":
                headers["Content-Length"] = str(length)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for chunk in body:
                    connection.send(chunk)
            except (BrokenPipeError, ConnectionResetError):
                # A node that refuses answers before it has read everything.
                pass
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES_MAX)
        finally:
            connection.close()
        try:
            value = json.loads(text) if text else {}
        except ValueError:
            value = {}
        if answer.status >= 300 or not isinstance(value, dict):
            raise Refused(answer.status, value if isinstance(value, dict) else {})
        return value


def package_of(view):
    """A package in an answer, which must have what a node's has: a proxy's sign-in page is a success as well."""
    names = ("path", "revision", "sha256", "url")
    if not isinstance(view, dict) or not all(isinstance(view.get(name), str) for name in names):
        raise ValueError("what answers there is no ODS node; check ODS_URL")
    return view


def hint(refused):
    """What to do about a refusal."""
    hints = {
        401: "; check ODS_TOKEN",
        403: "; the token must have scope publish, and the folder be within its prefixes",
        412: "; the package changed in between: run the recipe again",
        507: "; the node's disk is full",
    }
    return hints.get(refused.status, "")


def is_true(value):
    """AutoPkg hands over what the recipe or the command line says: a bool or a text."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "1")


def chunks(file):
    with open(file, "rb") as opened:
        while chunk := opened.read(READ_BYTES):
            yield chunk


def sha256_of(file):
    digest = hashlib.sha256()
    for chunk in chunks(file):
        digest.update(chunk)
    return digest.digest()


def zip_bundle(bundle, zipped):
    """Zips a folder, always to the same bytes, with its modes and its links kept as links."""
    parent = os.path.dirname(os.path.abspath(bundle))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for folder, folders, files in os.walk(bundle):
            folders.sort()
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in sorted(files + links):
                add_to_zip(archive, os.path.join(folder, name), parent)
            if not folders and not files:
                add_to_zip(archive, folder, parent)


def add_to_zip(archive, path, parent):
    status = os.lstat(path)
    name = os.path.relpath(os.path.abspath(path), parent)
    if os.path.isdir(path) and not os.path.islink(path):
        name += "/"
    entry = zipfile.ZipInfo(unicodedata.normalize("NFC", name))
    entry.external_attr = (status.st_mode & 0xFFFF) << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    if os.path.islink(path):
        archive.writestr(entry, os.readlink(path))
    elif name.endswith("/"):
        archive.writestr(entry, b"")
    else:
        with archive.open(entry, "w", force_zip64=True) as target:
            for chunk in chunks(path):
                target.write(chunk)


if __name__ == "__main__":
    PROCESSOR = ODSUploader()
    PROCESSOR.execute_shell()
