//! The journal and tables of the engine, in SQLite, and the key that seals its secret values: the adapters behind
//! [`seatrial_ports::Journal`] and [`seatrial_ports::Vault`].
//!
//! [`SqliteJournal::open`] takes a data directory, holds it for one engine alone, brings its file to the current layout and checks
//! it. Bodies are opaque here: what a record means, and how an older version of one is read, is the engine's business.

mod failure;
mod layout;
mod lock;
mod retention;
mod sqlite;
mod vault;

pub use layout::LAYOUT;
pub use lock::DirectoryLock;
pub use retention::{ENTRIES_MAX, ENTRIES_PER_STREAM_MAX};
pub use sqlite::{FILE_NAME, SqliteJournal};
pub use vault::FileVault;
