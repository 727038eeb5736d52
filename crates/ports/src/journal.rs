//! Durable state: tables of JSON records and an append-only journal, written together or not at all (I5).

use seatrial_model::Timestamp;

/// One record of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub table: String,
    pub key: String,
    /// The layout of `body`, so that a newer engine can read an older one's records.
    pub version: u32,
    /// JSON.
    pub body: String,
}

/// One line of the journal: an input the controller was given and what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Whose journal, for example a service's ARN.
    pub stream: String,
    pub at: Timestamp,
    /// JSON.
    pub body: String,
}

/// Everything one step changes. Committed atomically.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub puts: Vec<Record>,
    /// Table and key.
    pub deletes: Vec<(String, String)>,
    pub entries: Vec<JournalEntry>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty() && self.entries.is_empty()
    }
}

/// Why durable state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another engine holds the data directory.
    #[error("another engine is using {path}")]
    Locked { path: String },
    /// The disk is full; nothing of the batch was written, and the same commit may succeed later.
    #[error("the disk holding {path} is full")]
    Full { path: String },
    /// The file is damaged; the message says where.
    #[error("{path} is damaged: {detail}")]
    Corrupt { path: String, detail: String },
    /// The records were written by a newer version.
    #[error("{path} was written by a newer version (layout {found}, this one reads up to {supported})")]
    Newer { path: String, found: u32, supported: u32 },
    #[error("could not {action} {path}")]
    Other {
        action: &'static str,
        path: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The journal and tables.
pub trait Journal: Send + Sync {
    /// Reads every record, ordered by table and key.
    fn load(&self) -> Result<Vec<Record>, JournalError>;

    /// Writes a batch. When this returns `Ok`, the batch survives a crash of the process and of the machine.
    fn commit(&self, batch: &Batch) -> Result<(), JournalError>;

    /// Reads the newest `limit` entries of a stream, oldest first.
    fn entries(&self, stream: &str, limit: u32) -> Result<Vec<JournalEntry>, JournalError>;
}
