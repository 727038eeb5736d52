//! The embedded engine as seen from the command line: where it lives, how it is started, found and stopped, and how its parts are put
//! together.

pub mod credentials;
pub mod end;
pub mod files;
pub mod home;
pub mod host;
pub mod process;
pub mod settings;

pub use home::Home;
