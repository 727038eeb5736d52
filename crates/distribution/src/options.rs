//! How a client talks to its registry, and how patient it is. Every limit has its reason.

use std::time::Duration;

/// How often a request is sent at most: the pauses between five attempts add up to about seven seconds, in which a load balancer
/// finds another server.
const ATTEMPTS_MAX: u32 = 5;

/// The pause after the first failure; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(500);

/// The longest pause, also where a registry asks for a longer one: Docker Hub and ECR count their requests by the minute.
const PAUSE_MAX: Duration = Duration::from_secs(65);

/// How long a connection may take to come about. Where it takes longer, a packet filter usually swallows it.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// How long nothing may move: neither a byte of a request be taken nor a byte of an answer arrive.
const STILL_MAX: Duration = Duration::from_secs(60);

/// How long a registry may take to accept a blob once all of it is on its way: the last megabytes wait in the system's buffers for a slow
/// line, and some registries hash the whole blob, tens of gigabytes, only then.
const COMMIT_MAX: Duration = Duration::from_secs(10 * 60);

/// How a client talks to its registry.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub scheme: SchemeChoice,
    pub patience: Patience,
}

/// Whether requests are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemeChoice {
    /// By TLS, unless the registry is on this machine.
    #[default]
    Automatic,
    /// Not at all: for a registry in a network that is trusted. Passwords can be read on the way.
    PlainHttp,
}

/// How long, and how often, a client waits.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How often a request is sent when what stops it can heal.
    pub attempts_max: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub pause_first: Duration,
    /// The longest pause. A registry that asks for more is given up.
    pub pause_max: Duration,
    /// How long a connection may take to come about.
    pub connect_max: Duration,
    /// How long nothing may move in a request or its answer.
    pub still_max: Duration,
    /// How long a registry may take to accept a blob once all of it is on its way.
    pub commit_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts_max: ATTEMPTS_MAX,
            pause_first: PAUSE_FIRST,
            pause_max: PAUSE_MAX,
            connect_max: CONNECT_MAX,
            still_max: STILL_MAX,
            commit_max: COMMIT_MAX,
        }
    }
}
