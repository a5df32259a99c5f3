"""ministack, an emulator of AWS, as a process of its own; and how to talk to it."""

import http.client
import json
import os
import shutil
import socket
import subprocess
from collections import namedtuple

import boto3
from botocore.config import Config
from check import until

REGION = "us-east-1"
Answer = namedtuple("Answer", "status body headers")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Emulator:
    """A clean one.

    Its functions inherit its environment, so it is given no more than it needs, and nothing of
    ours.
    """

    def __init__(self, program, work):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = work / "emulator.log"
        scratch = work / "emulator"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            # Roles and policies count, for the functions' own calls too.
            "AUTH": "true",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program],
                env=environment,
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self):
        until("the emulator answers", self._answers)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the emulator ended with {self.process.returncode}, see {self.log}")
        try:
            return self.call("GET", "localhost", "/_ministack/health").status == 200
        except OSError:
            return False

    def credentials(self):
        """Those of the AWS account itself, which no policy binds, as the AWS CLI takes them."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service):
        """A client with these credentials."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                retries={"total_max_attempts": 1}, read_timeout=120, s3={"addressing_style": "path"}
            ),
        )

    def call(self, method, host, path, body=None, headers=None):
        """One HTTP request to whatever answers for this host name."""
        headers = {"host": f"{host}:{self.port}", **(headers or {})}
        if body is not None:
            headers["content-type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            is_json = "json" in (answer.headers.get_content_type() or "") and text
            return Answer(
                answer.status, json.loads(text) if is_json else text.decode(), answer.headers
            )
        finally:
            connection.close()
