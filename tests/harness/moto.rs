//! moto's server, which stands for AWS as far as it goes.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, wait_until};

/// How long the server may take to listen: it reads a great deal of Python.
const PATIENCE: Duration = Duration::from_secs(60);

const REGION: &str = "us-east-1";

/// A server of its own, gone when this is.
pub struct Moto {
    child: Child,
    pub endpoint: String,
}

impl Moto {
    pub fn start() -> Self {
        let port = free_port();
        let child = Command::new(client("python"))
            .arg(root().join("tests/clients/cloudformation.py"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let moto = Moto { child, endpoint: format!("http://127.0.0.1:{port}") };
        wait_until(PATIENCE, "moto to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        moto
    }

    /// The environment of whoever takes it for AWS.
    pub fn environment(&self) -> [(&str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", "moto"),
            ("AWS_SECRET_ACCESS_KEY", "moto"),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    }

    /// What the AWS CLI answers, without blanks around it.
    #[track_caller]
    pub fn aws(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(client("aws"));
        command.args(arguments).args(["--region", REGION, "--output", "text"]).envs(self.environment());
        let output = command.output().expect("the AWS CLI can be started");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program that `scripts/test` installs.
fn client(name: &str) -> PathBuf {
    let path = root().join("target/clients/bin").join(name);
    assert!(path.exists(), "{} is missing: scripts/test installs it", path.display());
    path
}
