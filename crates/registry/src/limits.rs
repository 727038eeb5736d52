//! Every limit of the registry, with its reason.

use std::time::Duration;

/// The largest blob: ECR's quota of a layer (52,000 MiB).
pub const BLOB_BYTES_MAX: u64 = 52_000 * 1024 * 1024;

/// How many uploads may be open at once. A push has about five at a time; each costs a file and what was sent so far.
pub const UPLOADS_MAX: usize = 256;

/// How long an upload has to be idle before a new one may take its place when there are [`UPLOADS_MAX`]: no client that still runs
/// pauses for so long.
pub const UPLOAD_STALLED_AFTER: Duration = Duration::from_secs(10 * 60);

/// How long an idle upload can be resumed: over a night and a morning.
pub const UPLOAD_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// How much of an upload is collected before it is written: large enough that changing threads costs nothing, and a hundred uploads
/// at once still need little memory.
pub const WRITE_BYTES: usize = 512 * 1024;

/// How much of a blob is read at a time while it is sent.
pub const READ_BYTES: usize = 256 * 1024;

/// How long the next part of a request's body may take: a stalled client gives its upload back, and can resume it.
pub const BODY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The most names in one page of a listing, and how many there are when a client names no number.
pub const PAGE_MAX: usize = 1000;

/// The longest credentials in a request: a token has some 100 characters.
pub const CREDENTIAL_LENGTH_MAX: usize = 4096;
