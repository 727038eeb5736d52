//! Finds a container engine on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Client, EngineError};

/// How long an engine may take to say who it is: one that is busy takes its time.
const SEARCH_LIMIT: Duration = Duration::from_secs(10);

const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// Which container engine runs tasks in containers, and how they are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerEngineOptions {
    /// The socket of the Docker Engine API; none looks at `DOCKER_HOST` and at the usual places.
    pub socket: Option<PathBuf>,
    /// Publishes the ports of tasks at the loopback address, also where the addresses of containers can be reached.
    pub publish: bool,
}

/// How this machine reaches what runs in containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// At their own addresses.
    Own,
    /// Where the container engine publishes their ports.
    Published,
}

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub socket: PathBuf,
    pub reach: Reach,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Information {
    #[serde(default)]
    operating_system: String,
    #[serde(default)]
    security_options: Option<Vec<String>>,
    #[serde(default)]
    rootless: bool,
}

/// Looks for an engine; the error says what was looked for and what to do.
pub(crate) async fn find(options: &ContainerEngineOptions) -> Result<Found, String> {
    let candidates = candidates(options, &|name| std::env::var(name).ok())?;
    let mut problems = Vec::new();
    for socket in candidates {
        match identify(&socket).await {
            Ok(information) => {
                let reach = if options.publish { Reach::Published } else { reach(&information) };
                return Ok(Found { socket, reach });
            }
            Err(EngineError::Unreachable { source, .. }) => problems.push(format!("{}: {source}", socket.display())),
            // Somebody is there, who answers badly or late: another engine would not be the one that is meant.
            Err(error) => {
                problems.push(format!("{}: {error}", socket.display()));
                break;
            }
        }
    }
    Err(format!(
        "none answers ({}); start one (`systemctl start docker`, or `podman system service --time=0 unix://{PODMAN_SOCKET}`), or name its \
         socket in DOCKER_HOST=unix://…",
        problems.join("; ")
    ))
}

async fn identify(socket: &Path) -> Result<Information, EngineError> {
    Client::new(socket).within(SEARCH_LIMIT).get("/info").await?.json()
}

fn candidates(
    options: &ContainerEngineOptions,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<PathBuf>, String> {
    if let Some(socket) = &options.socket {
        return Ok(vec![socket.clone()]);
    }
    if let Some(host) = variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
        let socket = host.strip_prefix("unix://").filter(|path| path.starts_with('/')).map(PathBuf::from);
        return socket.map(|socket| vec![socket]).ok_or_else(|| {
            format!("DOCKER_HOST is {host:?}, and only sockets of this machine are used: set it to unix:///path, or unset it")
        });
    }
    let of_user = variable("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("podman/podman.sock"));
    Ok([Some(DOCKER_SOCKET.into()), of_user, Some(PODMAN_SOCKET.into())].into_iter().flatten().collect())
}

/// Tells how containers are reached: an engine of a mere user, or in a virtual machine, has networks that this machine is not in.
fn reach(information: &Information) -> Reach {
    let options = information.security_options.as_deref().unwrap_or_default();
    let rootless = information.rootless || options.iter().any(|option| option == "name=rootless");
    let elsewhere = !cfg!(target_os = "linux") || information.operating_system.contains("Docker Desktop");
    if rootless || elsewhere { Reach::Published } else { Reach::Own }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(options: &ContainerEngineOptions, host: Option<&str>) -> Result<Vec<String>, String> {
        let variable = |name: &str| match name {
            "DOCKER_HOST" => host.map(str::to_owned),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".to_owned()),
            _ => None,
        };
        let found = candidates(options, &variable)?;
        Ok(found.iter().map(|socket| socket.display().to_string()).collect())
    }

    #[test]
    fn a_setting_comes_before_the_environment_and_that_before_the_usual_places() {
        let own = ContainerEngineOptions { socket: Some("/own.sock".into()), publish: false };
        assert_eq!(sockets(&own, Some("unix:///other.sock")), Ok(vec!["/own.sock".to_owned()]));
        let none = ContainerEngineOptions::default();
        assert_eq!(sockets(&none, Some("unix:///other.sock")), Ok(vec!["/other.sock".to_owned()]));
        let usual = [DOCKER_SOCKET, "/run/user/7/podman/podman.sock", PODMAN_SOCKET].map(str::to_owned).to_vec();
        assert_eq!(sockets(&none, Some("")), Ok(usual));
        assert!(
            sockets(&none, Some("tcp://1.2.3.4:2375")).is_err_and(|why| why.contains("only sockets of this machine"))
        );
    }

    #[test]
    fn what_this_machine_is_not_in_is_published() {
        let told = |json: &str| reach(&serde_json::from_str(json).expect("information"));
        assert_eq!(
            told("{\"OperatingSystem\":\"Debian\",\"SecurityOptions\":[\"name=seccomp,profile=default\"]}"),
            Reach::Own
        );
        assert_eq!(told("{\"SecurityOptions\":null}"), Reach::Own);
        assert_eq!(told("{\"OperatingSystem\":\"Docker Desktop\"}"), Reach::Published);
        assert_eq!(told("{\"SecurityOptions\":[\"name=rootless\"]}"), Reach::Published);
        assert_eq!(told("{\"Rootless\":true}"), Reach::Published);
    }
}
