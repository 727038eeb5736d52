//! The engine's side: starts the proxy process or adopts a living one, hands it listening sockets and configurations, and passes its
//! reports on.
//!
//! **Sockets outlive processes.** The listening sockets are opened here and kept here; the proxy is given duplicates. When the proxy dies,
//! new connections wait in the kernel's backlog of the same sockets until the next proxy, started at once, accepts them. When the engine
//! dies, the proxy still has them and gives them back to the next engine. Only when both are gone are ports opened anew.

mod desired;
mod end;
mod handle;
mod known;
mod session;
mod spawn;
mod supervisor;

pub use end::end_proxy;
pub use handle::{ProxyBalancer, ProxySettings};
pub use spawn::ProxyCommand;
