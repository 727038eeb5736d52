//! Writes tar archives in GNU's form, with nothing in them that was not asked for.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use super::plan::Owner;

const BLOCK: usize = 512;

/// The longest name that a header has room for.
const NAME_MAX: usize = 100;

pub(super) struct ArchiveWriter<W> {
    to: W,
    modified: u64,
}

/// What is written of an entry besides its contents.
pub(super) struct Head<'p> {
    pub kind: EntryType,
    /// Without a slash at its end, also of a directory.
    pub path: &'p [u8],
    pub link: &'p [u8],
    pub mode: u32,
    pub owner: Owner,
    pub size: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub fn new(to: W, modified: u64) -> Self {
        ArchiveWriter { to, modified }
    }

    /// Writes an entry. The contents have to be as long as the head says: `false` when they are not, and the archive is of no use then.
    pub fn write(&mut self, head: &Head<'_>, contents: &mut dyn Read) -> io::Result<bool> {
        let path = match head.kind {
            EntryType::Directory => [head.path, b"/"].concat(),
            _ => head.path.to_owned(),
        };
        for (name, kind) in [(head.link, EntryType::GNULongLink), (&path, EntryType::GNULongName)] {
            if name.len() > NAME_MAX {
                self.write_long_name(name, kind)?;
            }
        }
        let mut header = Header::new_gnu();
        let fields = header.as_old_mut();
        copy(&path, &mut fields.name);
        copy(head.link, &mut fields.linkname);
        header.set_entry_type(head.kind);
        header.set_mode(head.mode);
        header.set_uid(head.owner.user.into());
        header.set_gid(head.owner.group.into());
        header.set_mtime(self.modified);
        header.set_size(head.size);
        header.set_cksum();
        self.to.write_all(header.as_bytes())?;
        // One byte more than wanted tells of a file that has grown.
        let mut limited = contents.take(head.size);
        let written = io::copy(&mut limited, &mut self.to)?;
        let has_more = limited.into_inner().read(&mut [0])? > 0;
        self.pad(written)?;
        Ok(written == head.size && !has_more)
    }

    /// Writes the end of the archive.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        Ok(self.to)
    }

    fn write_long_name(&mut self, name: &[u8], kind: EntryType) -> io::Result<()> {
        let mut header = Header::new_gnu();
        copy(b"././@LongLink", &mut header.as_old_mut().name);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let length = name.len() as u64 + 1;
        header.set_size(length);
        header.set_cksum();
        self.to.write_all(header.as_bytes())?;
        self.to.write_all(name)?;
        self.to.write_all(&[0])?;
        self.pad(length)
    }

    fn pad(&mut self, length: u64) -> io::Result<()> {
        let over = usize::try_from(length % BLOCK as u64).unwrap_or_default();
        self.to.write_all(&[0; BLOCK][..(BLOCK - over) % BLOCK])
    }
}

/// Copies as much of a name as a field takes.
fn copy(name: &[u8], field: &mut [u8]) {
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name[..length]);
}
